"""Twenty thousand people and their hearts, without signal or picture: what marginals are measured on."""

from types import SimpleNamespace

import numpy as np
import pytest

from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.phenotypes import phenotype_matrix


@pytest.fixture(scope="session")
def many():
    """`people`, `hearts`, `motion` and `phenotypes` (by column) of 20,000 subjects."""
    rng = np.random.default_rng(11)
    people = population.draw_people(rng.standard_normal((20_000, population.NUM_DRAWS)))
    hearts = anatomy.build_hearts(people, np.zeros(20_000), rng.standard_normal((20_000, anatomy.NUM_DRAWS)))
    motion = contract(people, hearts)
    matrix = phenotype_matrix(hearts, motion)
    return SimpleNamespace(
        people=people, hearts=hearts, motion=motion, phenotypes=dict(zip(PHENOTYPE_COLUMNS, matrix.T, strict=True))
    )
