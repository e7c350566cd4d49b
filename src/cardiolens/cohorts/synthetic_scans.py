"""What the generator knows about the scans of a synthetic cohort and no column tells: whose picture was smeared by motion.

Nothing is rendered. What it is not: a measure of how blurred a picture looks.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from cardiolens.cohorts.prepare_synthetic import SYNTHETIC_KEY
from cardiolens.cohorts.store import Cohort
from cardiolens.configs import from_json
from cardiolens.privacy import keyed_hash
from cardiolens.synthetic import anatomy
from cardiolens.synthetic.census import take_census
from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.mri import prepare_scan
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.settings import SyntheticConfig


def generator_indices(cohort: Cohort, rows: Int[np.ndarray, " row"]) -> list[int]:
    """Which subjects of the generator some rows of a synthetic cohort are."""
    source = cohort.settings.source
    places = {
        keyed_hash(f"synthetic-{source['seed']}-{index}", key=SYNTHETIC_KEY): index for index in range(source["subjects"])
    }
    return [places[subject] for subject in cohort.subjects["subject"].iloc[rows]]


def motion_smear(cohort: Cohort, rows: Int[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
    """By how many pixels of the scan motion smeared the picture of each row of a synthetic cohort, mostly none."""
    source = cohort.settings.source
    config = from_json(SyntheticConfig, source["generator"], source=cohort.path)
    return np.array([_smear(source["seed"], index, config) for index in generator_indices(cohort, rows)], np.int64)


def _smear(seed: int, index: int, config: SyntheticConfig) -> int:
    people, _ = take_census(seed, [index])
    person = Person(**{name: float(column[0]) for name, column in people.items()})
    draws = generator(seed, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
    # The rhythm alters the heart's size, and neither how many numbers a scan draws nor which of them stands for motion.
    hearts = anatomy.build_hearts(people, np.zeros(1), draws)
    scan = prepare_scan(person, hearts, contract(people, hearts), config=config, rng=generator(seed, index, Part.MRI))
    return scan.look.smear_pixels
