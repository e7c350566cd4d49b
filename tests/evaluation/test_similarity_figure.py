from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from decoded import pixels

from cardiolens.errors import BadOption
from cardiolens.evaluation.similarity_figure import SHAPE_COLUMNS, FigureSubject, choose_subjects, similarity_figure

MAPS = {"without MDM": np.zeros((4, 4), np.float32), "with MDM": np.zeros((4, 4), np.float32)}


def _subject(**changes) -> FigureSubject:
    picture = np.full((40, 40), 200, np.uint8)
    picture[:10] = 60
    return replace(FigureSubject("ordinary", picture, MAPS), **changes)


def _colourful(png: bytes) -> np.ndarray:
    """Where a pixel is no grey, left of the colour bar."""
    shown = pixels(png)
    return np.ptp(shown[:, : round(0.72 * shown.shape[1])], axis=2) > 25


def _map_of(png: bytes) -> np.ndarray:
    """The colours in the lower middle of the second map of a figure of one row without strips."""
    shown = pixels(png)
    height, width, _ = shown.shape
    return shown[round(0.55 * height) : round(0.8 * height), round(0.6 * width) : round(0.72 * width)].reshape(-1, 3)


def test_a_cosine_of_zero_is_grey_and_faint_ones_stay_faint():
    strengths = []
    for cosine in (0.0, 0.1, 1.0):
        maps = MAPS | {"with MDM": np.full((4, 4), cosine, np.float32)}
        strengths.append(float(np.ptp(_map_of(similarity_figure([_subject(maps=maps)])), axis=1).mean()))
    assert strengths[0] < 4
    assert strengths[0] < strengths[1] < 0.4 * strengths[2], "the scale is the same however small the cosines are"


def test_likeness_is_red_and_its_opposite_blue():
    red, blue = (
        _map_of(similarity_figure([_subject(maps=MAPS | {"with MDM": np.full((4, 4), cosine, np.float32)})])).mean(axis=0)
        for cosine in (0.8, -0.8)
    )
    assert red[0] > red[2] + 60
    assert blue[2] > blue[0] + 60


def test_the_picture_is_seen_through_the_map():
    dark = np.full((40, 40), 200, np.uint8)
    dark[20:] = 0
    bright, dim = (_map_of(similarity_figure([_subject(picture=picture)])).mean() for picture in (dark[::-1], dark))
    assert bright > 1.5 * dim


def test_the_outline_of_the_heart_is_drawn_where_it_is_given():
    heart = np.zeros((40, 40), bool)
    heart[10:30, 12:28] = True
    assert not _colourful(similarity_figure([_subject()])).any()
    assert _colourful(similarity_figure([_subject(heart=heart)])).any()
    assert not _colourful(similarity_figure([_subject(heart=~np.zeros((40, 40), bool))])).any(), "no border to draw"


def test_a_row_per_subject_and_a_column_per_model():
    one = pixels(similarity_figure([_subject()]))
    assert pixels(similarity_figure([_subject()] * 3)).shape[0] > 2 * one.shape[0]
    assert pixels(similarity_figure([_subject(maps=MAPS | {"a third": MAPS["with MDM"]})])).shape[1] > one.shape[1] + 100


def test_the_strip_of_the_ecg_is_beside_the_maps_of_those_who_have_one():
    segments = np.zeros((12, 50), np.float32)
    segments[6] = 1.0
    with_strip = similarity_figure([_subject(segments=segments), _subject()])
    assert pixels(with_strip).shape[1] > pixels(similarity_figure([_subject(), _subject()])).shape[1] + 300
    lit = pixels(with_strip)[:, :, 0].astype(int) - pixels(with_strip)[:, :, 2] > 100
    strip = lit[:, round(0.65 * lit.shape[1]) : round(0.85 * lit.shape[1])].mean(axis=1) > 0.9
    assert 0.05 < strip.sum() / (strip.size / 2) < 0.08, "one lead of twelve, of one subject of two"
    ecg = np.sin(np.linspace(0, 60, 2500))[None].repeat(12, axis=0).astype(np.float32)
    traced = pixels(similarity_figure([_subject(segments=segments, ecg=ecg), _subject()]))
    assert (traced != pixels(with_strip)).any()


def test_the_same_subjects_give_the_same_bytes():
    assert similarity_figure([_subject()]) == similarity_figure([_subject()])


@pytest.fixture
def cohort() -> tuple[pd.DataFrame, np.ndarray]:
    """Eight subjects: 2 has the largest scar, 3 the largest ischaemia, 4 looks blurred, 5 is enlarged, 6 is like everybody."""
    rng = np.random.default_rng(0)
    latents = [f"latent_{kind}_{artery}" for kind in ("scar", "ischaemia") for artery in ("lad", "lcx", "rca")]
    table = pd.DataFrame(0.0, index=range(8), columns=latents)
    table.loc[2, ["latent_scar_rca", "latent_ischaemia_rca"]] = 0.6
    table.loc[3, "latent_ischaemia_lad"] = 1.0
    for column in SHAPE_COLUMNS:
        table[column] = 100 + 10 * rng.choice([-1.0, 1.0], 8)
    table.loc[5, list(SHAPE_COLUMNS)] = 200.0
    table.loc[6, list(SHAPE_COLUMNS)] = table[list(SHAPE_COLUMNS)].drop(6).median()
    pictures = rng.integers(0, 255, (8, 3, 16, 16)).astype(np.uint8)
    pictures[4] = pictures[4, :, :1]
    return table, pictures


def _smear(*moved: int) -> np.ndarray:
    return np.isin(np.arange(8), moved).astype(np.int64)


def test_subjects_are_chosen_by_what_they_have_and_shown_in_the_papers_order(cohort):
    chosen = list(choose_subjects(*cohort, np.arange(8), smear=_smear(4)).items())
    assert chosen == [("ordinary", 6), ("coronary occlusion", 2), ("motion artefact", 4), ("extreme morphology", 5)]


def test_who_moved_is_known_by_the_generator_and_not_by_the_look_of_a_picture(cohort):
    assert choose_subjects(*cohort, np.arange(8), smear=_smear(7))["motion artefact"] == 7
    more = _smear(0, 7) + _smear(7)
    assert choose_subjects(*cohort, np.arange(8), smear=more)["motion artefact"] == 7
    assert choose_subjects(*cohort, np.arange(8), smear=_smear(1, 4))["motion artefact"] == 4, "of several the plainest"


def test_where_nobody_moved_nobody_is_said_to_have(cohort):
    # Nor where the one who did is shown for something else.
    for smear in (_smear(), _smear(2)):
        chosen = choose_subjects(*cohort, np.arange(8), smear=smear)
        assert list(chosen) == ["ordinary", "coronary occlusion", "looks like motion", "extreme morphology"]
        assert chosen["looks like motion"] == 4


def test_only_candidates_are_chosen_and_nobody_twice(cohort):
    table, pictures = cohort
    # The one with the most ischaemia is now also the one whose shape is extreme.
    table.loc[3, list(SHAPE_COLUMNS)] = 250.0
    rows = np.array([0, 3, 4, 5, 7])
    chosen = choose_subjects(table, pictures, rows, smear=_smear(4)[rows])
    assert (chosen["coronary occlusion"], chosen["extreme morphology"]) == (3, 5)
    assert len(set(chosen.values())) == 4


def test_a_cohort_of_people_and_too_few_candidates_are_refused(cohort):
    table, pictures = cohort
    with pytest.raises(BadOption, match=r"no column latent_scar_lad.*name the rows"):
        choose_subjects(table.drop(columns="latent_scar_lad"), pictures, np.arange(8), smear=_smear())
    with pytest.raises(BadOption, match="3 candidates"):
        choose_subjects(table, pictures, np.arange(3), smear=_smear()[:3])
