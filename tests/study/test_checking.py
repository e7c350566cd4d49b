"""Synthetic hearts beside published people: the check holds, it can miss, and its page says so."""

import base64
import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from cardiolens.errors import BadOption
from cardiolens.study.checking.examples import draw_candidates, find_examples
from cardiolens.study.checking.findings import all_findings
from cardiolens.study.checking.page import check_synthetic, write_page
from cardiolens.synthetic import published
from cardiolens.synthetic.generator import SyntheticConfig, make_subject


@pytest.fixture(scope="session")
def check():
    return check_synthetic(subjects=400, seed=0)


def test_synthetic_hearts_agree_with_published_people(check):
    assert not check.missed, "\n".join(f"{f.key}: {f.found}, wanted {f.expected} {f.allowed}" for f in check.missed)


def test_every_published_value_is_compared(check):
    found = {finding.key for finding in check.findings}
    bands = (
        *published.ECG_BANDS, *published.MRI_BANDS, *published.CORRELATION_BANDS, *published.LATENT_BANDS, published.MEAN_WALL,
    )  # fmt: skip
    assert {band.key for band in bands} <= found
    assert {f"mean {row.column} {row.sex}" for row in published.MEANS} <= found
    assert len(found) == len(check.findings)


def test_no_measurement_is_missing_in_many_subjects(check):
    sinus = check.rendered[check.rendered["in_af_while_recorded"] == 0]
    columns = ["pr_ms", "qrs_ms", "qtc_ms", "axis_degrees", "sokolow_mv", "cornell_mv"]
    assert sinus[columns].isna().mean().max() < 0.03


@pytest.mark.parametrize(
    ("column", "factor", "key"),
    [
        ("lvm_index_g_per_m2", 1.2, "mean lvm_index_g_per_m2 men"),
        ("qrs_ms", 1.2, "qrs_within"),
        ("sokolow_mv", 1.5, "mean sokolow_mv both"),
        ("wall_to_blood", 2.5, "wall_to_blood"),
    ],
)
def test_rendered_subjects_that_are_off_are_caught(check, column, factor, key):
    wrong = check.rendered.assign(**{column: check.rendered[column] * factor})
    assert not _finding(all_findings(wrong, check.latent), key).holds


def test_a_number_that_could_not_be_measured_misses(check):
    unknown = check.rendered.assign(pr_ms=np.nan)
    assert not _finding(all_findings(unknown, check.latent), "mean pr_ms women").holds


def test_latent_draws_that_are_off_are_caught(check):
    latent = check.latent
    spread = latent.assign(lvedv_ml=latent["lvedv_ml"].mean() + 1.6 * (latent["lvedv_ml"] - latent["lvedv_ml"].mean()))
    assert not _finding(all_findings(check.rendered, spread), "spread lvedv_ml men").holds
    more_ill = latent.assign(ill_dm=np.maximum(latent["ill_dm"], np.arange(len(latent)) % 40 == 0))
    assert not _finding(all_findings(check.rendered, more_ill), "prevalence dm").holds


def test_voltage_that_ignores_the_heart_is_caught(check):
    shuffled = check.rendered["sokolow_mv"].sample(frac=1, random_state=0).to_numpy()
    assert not _finding(all_findings(check.rendered.assign(sokolow_mv=shuffled), check.latent), "r_sokolow_mass").holds


def test_candidates_are_the_subjects_of_the_cohort():
    candidates = draw_candidates(3, 12)
    for index in (0, 11):
        subject = make_subject(seed=3, index=index, with_mri=False)
        assert candidates.loc[index, "age_years"] == subject.covariates["age_years"]
        assert candidates.loc[index, "pressure_load"] == subject.latents["pressure_load"]
        assert candidates.loc[index, "ill_af"] == subject.diseases["af"]


@pytest.fixture(scope="session")
def page(check, tmp_path_factory):
    """The page of a check with one miss, and its examples."""
    from cardiolens.study.checking import examples

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "NUM_CANDIDATES", 1_000)
        examples = find_examples(seed=0, config=SyntheticConfig())
    missed = dataclasses.replace(check.findings[0], distance=7.0, name="height of horses")
    result = dataclasses.replace(check, findings=[missed, *check.findings[1:]])
    out = tmp_path_factory.mktemp("check") / "synthetic_check.html"
    write_page(out, result, examples[:2] + examples[-1:])
    return out.read_text(), examples


def test_the_page_says_what_it_is_and_what_misses(page, check):
    text, _ = page
    assert "Research use only" in text
    assert "Synthetic" in text
    assert "height of horses" in re.search(r'<p class="verdict missed">.*?</p>', text, re.DOTALL).group()
    assert text.count('<tr class="missed">') == 1 + len(check.missed)


def test_the_page_needs_nothing_beside_it(page):
    text, _ = page
    assert not re.search(r'(?:src|href)="(?!data:image/png;base64,|#)', text)
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == 5 + 2 * 3
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)


def test_examples_show_what_they_are_called(page):
    measured = {example.title: pd.Series(example.measured) for example in page[1]}
    normal = measured["Normal, man"]
    assert measured["Hypertrophic cardiomyopathy"]["lvm_g"] > 1.2 * normal["lvm_g"]
    assert measured["Dilated cardiomyopathy"]["lvef_percent"] < 45
    assert measured["Old anterior infarction"]["scar_lad"] > 0.4
    assert measured["Old inferior infarction"]["scar_rca"] > 0.4
    assert measured["Left bundle branch block"]["qrs_ms"] > 120
    assert measured["Right bundle branch block"]["qrs_ms"] > 110
    assert measured["Obesity"]["bmi"] > 35


def test_too_few_subjects_are_refused():
    with pytest.raises(BadOption, match="100 or more"):
        check_synthetic(subjects=50)


def _finding(findings, key):
    (found,) = (finding for finding in findings if finding.key == key)
    return found
