"""Who many subjects of a cohort are, and who of them is ill, without making a heart or an ECG."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool

from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.population import NUM_DRAWS, People, draw_people
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases


def take_census(seed: int, indices: Iterable[int]) -> tuple[People, dict[str, Bool[np.ndarray, " subject"]]]:
    """People and diseases of some subjects of a seed, one row each, as `make_subject` draws them."""
    indices = list(indices)
    normals = np.stack([generator(seed, index, Part.PERSON).standard_normal(NUM_DRAWS) for index in indices])
    uniforms = np.stack([generator(seed, index, Part.DISEASE).random(len(PREVALENCE)) for index in indices])
    people = draw_people(normals)
    return people, draw_diseases(people, uniforms)
