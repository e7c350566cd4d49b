"""Made-up participant numbers and the draws that only a release needs: visits, missing values, traps.

A number has seven digits like UK Biobank's and belongs to nobody; it follows from seed and index alone, and no two
subjects of one seed share one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cardiolens.errors import BadOption

_FIRST, _COUNT = 1_000_000, 5_000_000
_STRIDE = 1_618_033
"""Without a common factor with the count, so that consecutive subjects lie far apart and every number is used once."""
_STREAM = 41
MOST_SUBJECTS = _COUNT - 1


def participant_number(seed: int, index: int) -> int:
    """The made-up number of subject `index` of cohort `seed`.

    Raises:
        BadOption: there are not so many numbers.
    """
    if not 0 <= index <= MOST_SUBJECTS:
        raise BadOption("index", found=str(index), expected=f"0 to {MOST_SUBJECTS}", remedy="write a smaller release")
    start = int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0])
    return _FIRST + (start + index * _STRIDE) % _COUNT


@dataclass(frozen=True)
class Chances:
    """Uniform numbers of one subject, one per question; the order of fields decides every bit, so new ones go to the end."""

    first_visit: float
    second_visit_gap: float
    has_second_visit: float
    second_visit_has_mri: float
    has_ecg: float
    has_mri: float
    withdrawn: float
    no_weight: float
    no_height: float
    no_pressure: float
    will_not_say_smoking: float
    no_phenotypes: float
    no_regional_phenotypes: float
    repeated_slice: float
    which_slice: float
    long_axis: float
    inline_copy: float
    manifest_spelt_right: float
    birth_month: float
    ethnicity: float
    centre: float
    placeholder_date: float


def draw_chances(seed: int, index: int) -> tuple[Chances, np.random.Generator]:
    """The chances of subject `index` of cohort `seed`, and the stream for what has no fixed number of draws."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, index, _STREAM])))
    # A block with room: a question added later changes no answer to the others, nor what the stream gives next.
    drawn = rng.random(128)
    return Chances(*map(float, drawn[: len(fields(Chances))])), rng
