import csv
import itertools
import math

import numpy as np
import pytest
from analytic_hearts import RADII_MM, Placed, circle_heart, flipped, oblique, transposed
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiolens.errors import BadImage
from cardiolens.imaging.basal_rule import AsLabelled
from cardiolens.imaging.heart_frame import aha_segments
from cardiolens.imaging.mask_phenotypes import MaskRules, measure_masks
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.stack_geometry import StackGeometry
from cardiolens.imaging.wall_thickness import distance_to_curve_mm
from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.generator import SyntheticConfig
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.mri import prepare_scan, render_stack
from cardiolens.synthetic.phenotypes import phenotype_matrix
from cardiolens.synthetic.population import Person

BEAT = (1.0, 0.8, 0.65, 0.9)
THICKNESS_TOLERANCE_MM = 0.05
"""A contour of a turned picture has its points elsewhere on the same curve."""


def measure(placed, *, rules=MaskRules(), heart_rate_bpm=60.0):  # noqa: B008
    return measure_masks(
        placed.masks, placed.geometry, spacing_mm=placed.spacing_mm, source="scan", heart_rate_bpm=heart_rate_bpm, rules=rules
    )


def test_the_columns_are_the_first_27_of_the_61():
    assert tuple(measure(circle_heart(beat=BEAT)).by_column()) == PHENOTYPE_COLUMNS[:27]


def test_volumes_mass_and_fraction_of_circles_are_those_of_the_circles():
    found = measure(circle_heart(pixel_mm=1.0, pixels=128, beat=BEAT))
    edv = np.pi * (RADII_MM**2).sum() / 100
    assert found.ventricles.lvedv_ml == pytest.approx(edv, rel=0.005)
    assert found.ventricles.lvesv_ml == pytest.approx(edv * 0.65**2, rel=0.01)
    assert found.ventricles.lvef_percent == pytest.approx(100 * (1 - 0.65**2), abs=0.3)
    assert found.ventricles.lvm_g == pytest.approx(1.05 * np.pi * ((RADII_MM + 9) ** 2 - RADII_MM**2).sum() / 100, rel=0.005)
    assert found.ventricles.lvco_l_per_min == pytest.approx(0.06 * edv * (1 - 0.65**2), rel=0.01)
    assert (found.phases.ed, found.phases.mid, found.phases.es) == (0, 1, 2)
    assert found.reasons == {}


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(st.sampled_from(["slices", "rows", "columns", "transpose"]), min_size=1, max_size=5),
    septum=st.floats(0, 359),
    middle=st.tuples(st.floats(55, 65), st.floats(58, 70)),
)
def test_a_stack_read_another_way_round_gives_the_same_values(turns, septum, middle):
    heart = circle_heart(septum_degrees=septum, centre_mm=middle, beat=BEAT)
    turned = heart
    for turn in turns:
        turned = transposed(turned) if turn == "transpose" else flipped(turned, 1 + ["slices", "rows", "columns"].index(turn))
    before, after = measure(heart), measure(turned)
    assert after.ventricles.by_column() == pytest.approx(before.ventricles.by_column(), rel=1e-6)
    assert after.wall.by_column() == pytest.approx(before.wall.by_column(), abs=THICKNESS_TOLERANCE_MM)


def test_a_stack_turned_by_a_quarter_gives_the_same_values():
    heart = circle_heart(septum_degrees=200.0, beat=BEAT)
    quarter = flipped(transposed(heart), 2)
    np.testing.assert_array_equal(quarter.masks, np.rot90(heart.masks, axes=(2, 3)))
    assert measure(quarter).by_column() == pytest.approx(measure(heart).by_column(), abs=THICKNESS_TOLERANCE_MM)


def test_without_a_frame_there_are_volumes_and_the_reason_why_there_is_no_thickness():
    heart = circle_heart(endo_mm=(23.0, 22.0, 20.0, 17.0, 12.0), beat=BEAT)
    found = measure(heart)
    assert found.frame is None
    assert math.isfinite(found.ventricles.lvef_percent)
    assert found.reasons["wt_global_mm"] == "found 5 slices with cavity and wall at end-diastole; expected 6 or more"
    assert set(found.reasons) == set(PHENOTYPE_COLUMNS[10:27])


def test_a_slice_of_the_atrium_counts_only_as_labelled():
    heart = circle_heart(beat=BEAT)
    basal = heart.masks[:, 0]
    basal[basal == 2] = 0
    enclosed, labelled = measure(heart), measure(heart, rules=MaskRules(basal=AsLabelled()))
    voxel_ml = 10 * 2 * 2 / 1000
    atrium_ml = (basal[0] == 1).sum() * voxel_ml
    assert labelled.ventricles.lvedv_ml - enclosed.ventricles.lvedv_ml == pytest.approx(atrium_ml)
    assert enclosed.frame.slices[0] == 1


def test_masks_of_nothing_are_refused():
    heart = circle_heart()
    with pytest.raises(BadImage, match="no left cavity"):
        measure(Placed(np.zeros_like(heart.masks), heart.geometry, heart.spacing_mm))


@pytest.fixture(scope="module")
def synthetic():
    """Five hearts with what was measured on their masks, the phenotypes they were made with, and their thickness in plane."""
    rng = np.random.default_rng(23)
    people = population.draw_people(rng.standard_normal((5, population.NUM_DRAWS)))
    people["dilated"][3], people["hypertrophic"][4] = 1.0, 1.0
    return [_one_synthetic({name: column[k : k + 1] for name, column in people.items()}, k, rng) for k in range(5)]


def _one_synthetic(one, k, rng):
    hearts = anatomy.build_hearts(one, np.zeros(1), rng.standard_normal((1, anatomy.NUM_DRAWS)))
    motion, person = contract(one, hearts), Person(**{name: float(column[0]) for name, column in one.items()})
    stack = render_stack(
        person, hearts, motion, times_ms=np.array([0.0, 300.0]), fractions=np.array([0.0, 1.0]), middle_only=False,
        config=SyntheticConfig(), rng=np.random.default_rng(k), stack_rng=np.random.default_rng(99), source="test",
    )  # fmt: skip
    found = measure(Placed(stack.masks, oblique(), stack.spacing_mm), heart_rate_bpm=float(hearts.heart_rate_bpm[0]))
    shape = prepare_scan(person, hearts, motion, config=SyntheticConfig(), rng=np.random.default_rng(k)).shape
    truth = dict(zip(PHENOTYPE_COLUMNS, phenotype_matrix(hearts, motion)[0].tolist(), strict=True))
    return found, truth, _thickness_in_plane(shape.cut(0.0), found.frame)


def _thickness_in_plane(cut, frame):
    """Of the contours that the masks were drawn from, per segment and over all."""
    radians = np.arange(0, 2 * np.pi, np.pi / 360)
    degrees = (np.degrees(radians) + 180) % 360 - 180
    away, segment, weight = [], [], []
    for index, level in zip(frame.slices, frame.levels, strict=True):
        endo, epi = (
            np.interp(radians, np.linspace(0, 2 * np.pi, len(r) + 1), np.append(r, r[0]))[:, None]
            * np.stack([np.cos(radians), np.sin(radians)], axis=1)
            for r in (cut.endo[index], cut.epi[index])
        )
        away.append(distance_to_curve_mm(endo, epi))
        segment.append(aha_segments(level, degrees))
        weight.append(np.full(len(endo), np.linalg.norm(np.roll(endo, 1, axis=0) - endo, axis=1).mean()))
    away, segment, weight = map(np.concatenate, (away, segment, weight))
    per_segment = [np.average(away[segment == k], weights=weight[segment == k]) for k in range(1, 17)]
    return np.array(per_segment), float(np.average(away, weights=weight))


def test_volumes_mass_and_output_of_synthetic_hearts_are_those_they_were_made_with(synthetic):
    for found, truth, _ in synthetic:
        for column in ("lvedv_ml", "lvesv_ml", "lvsv_ml", "lvco_l_per_min", "lvm_g", "rvedv_ml", "rvesv_ml", "rvsv_ml"):
            assert found.by_column()[column] == pytest.approx(truth[column], rel=0.02), column
        for column in ("lvef_percent", "rvef_percent"):
            assert found.by_column()[column] == pytest.approx(truth[column], abs=1.0), column


def test_wall_thickness_of_synthetic_hearts_is_that_of_their_contours(synthetic):
    for found, truth, (segments, everywhere) in synthetic:
        assert found.wall.global_mm == pytest.approx(everywhere, abs=0.15)
        assert np.abs(found.wall.segments_mm - segments).max() < 0.6
        # What they were made with is across the wall, which leans in towards the apex.
        assert found.wall.global_mm == pytest.approx(truth["wt_global_mm"], abs=0.5)


def test_real_masks_give_the_published_volumes(shared_data):
    folder = shared_data / "cmr" / "acdc"
    with open(folder / "index.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    columns = {"LVEDV_ml": "lvedv_ml", "LVESV_ml": "lvesv_ml", "LVM_g": "lvm_g", "RVEDV_ml": "rvedv_ml", "RVESV_ml": "rvesv_ml"}
    compared = 0
    for row in itertools.islice(rows, 0, None, 2):
        stored = np.load(folder / f"{row['patient']}.npz")
        # Ours are 1 LV cavity, 3 RV cavity; there it is the other way round.
        masks = np.array([0, 3, 2, 1], dtype=np.uint8)[np.stack([stored["label_ED"], stored["label_ES"]])]
        known = row["native_dx"] != ""
        spacing = tuple(float(row[f"native_d{axis}"]) for axis in "zyx") if known else (10.0, 1.5, 1.5)
        across = StackGeometry((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, -1.0, 0.0))
        found = measure(Placed(masks, across, spacing), heart_rate_bpm=None)
        assert found.frame is not None
        assert found.by_column()["lvef_percent"] == pytest.approx(float(row["LVEF"]), abs=0.1)
        for theirs, ours in columns.items():
            if known:
                # The table is rounded to a tenth of a millilitre.
                assert found.by_column()[ours] == pytest.approx(float(row[theirs]), rel=0.003, abs=0.06)
                compared += 1
    assert compared >= 40
