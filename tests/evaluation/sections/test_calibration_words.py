import numpy as np
import pytest

from cardiolens.evaluation.calibration import fit_calibration
from cardiolens.evaluation.risks import Risks
from cardiolens.evaluation.sections.calibration import words_of_no_discrimination


def _risks(effects: tuple[float, ...], *, events: int = 20) -> Risks:
    rng, maps, rows = np.random.default_rng(4), [], []
    positive = np.arange(400) < events
    for effect in effects:
        fitted = fit_calibration(rng.normal(size=400) + effect * positive, positive)
        maps.append(fitted)
        rows.append(fitted.probability(rng.normal(size=400) + effect * positive))
    names = tuple(f"{k:012x}" for k in range(400))
    threshold = np.full(len(effects), 0.1)
    return Risks("MMCL", "af", tuple(range(len(effects))), names, np.stack(rows), positive, threshold, tuple(maps))


def test_a_score_that_says_nothing_is_not_shown_as_if_it_did():
    words = words_of_no_discrimination(_risks((0.25,)))
    assert words.startswith("MMCL does not tell who has atrial fibrillation")
    assert "20 cases among the 400 subjects" in words
    assert "the prevalence is 5.0 %" in words


def test_a_score_of_the_wrong_order_tells_everybody_the_prevalence():
    words = words_of_no_discrimination(_risks((-1.5,)))
    assert words.startswith("MMCL does not tell who has atrial fibrillation: its risks are near the prevalence for everybody.")
    assert "between 5.1 and 5.1 %" in words


def test_risks_far_apart_are_not_called_near_the_prevalence():
    words = words_of_no_discrimination(_risks((0.4,)))
    assert words.startswith("MMCL does not tell who has atrial fibrillation. By the 20 cases")


def test_of_several_seeds_it_says_how_many():
    assert "in 1 of 2 seeds" in words_of_no_discrimination(_risks((0.25, 2.0)))


def test_too_few_cases_are_said_to_be_too_few():
    assert "fewer than 10 cases among the 400 subjects of “calibrate” are too few" in words_of_no_discrimination(
        _risks((2.0,), events=9)
    )


@pytest.mark.parametrize("effects", [(2.0,), (2.0, 1.5)])
def test_where_it_tells_them_apart_nothing_is_said(effects):
    assert words_of_no_discrimination(_risks(effects)) == ""
