import numpy as np
import pytest
from moving_rings import ENDO_MM, EPI_MM, MIDDLE_MM, PIXEL_MM, SIZE, cine, circle_mm, radii

from cardiolens.errors import BadOption
from cardiolens.imaging.contours import Contours
from cardiolens.imaging.heart_frame import HeartFrame
from cardiolens.imaging.strain import StrainConfig, StrainResult, measure_strain
from cardiolens.imaging.tracking import TrackingConfig
from cardiolens.types import CineStack

PHASES = 10
CONFIG = StrainConfig(tracking=TrackingConfig(steps=100), margin_mm=10.0)


def _frame(levels: tuple[int, int, int] = (0, 1, 2)) -> HeartFrame:
    """Three slices of one ring; the septum lies where columns begin, the anterior wall where rows begin."""
    return HeartFrame(
        slices=(0, 1, 2),
        levels=levels,
        strain_slices=(0, 1, 2),
        centres_mm=np.tile(MIDDLE_MM, (3, 1)),
        apex_to_base=(0.0, 0.0, 1.0),
        to_septum=(-1.0, 0.0, 0.0),
        to_anterior=(0.0, -1.0, 0.0),
        base_found_by="made",
        notes=(),
        spacing_mm=(10.0, PIXEL_MM, PIXEL_MM),
        septal_in_plane=(0.0, -1.0),
        anterior_in_plane=(-1.0, 0.0),
    )


def _masks(num_phases: int, depth: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE] * PIXEL_MM
    radius = np.hypot(rows - MIDDLE_MM[0], columns - MIDDLE_MM[1])
    endo, epi = radii(num_phases, depth)
    planes = [np.where(radius < a, 1, np.where(radius < b, 2, 0)) for a, b in zip(endo, epi, strict=True)]
    return np.repeat(np.array(planes, np.uint8)[:, None], 3, axis=1)


def _measured(
    num_phases: int = PHASES, *, depth: float = 0.3, shift_mm: float = 0.0, late: int = 0, levels=(0, 1, 2)
) -> StrainResult:
    frames = cine(num_phases, depth=depth, shift_mm=shift_mm)
    three = np.repeat(np.roll(frames, late, axis=0)[:, None], 3, axis=1)
    stack = CineStack(three, (10.0, PIXEL_MM, PIXEL_MM), np.arange(num_phases) * 60.0, "m")
    masks = np.roll(_masks(num_phases, depth), late, axis=0)
    contours = Contours(np.tile(circle_mm(ENDO_MM), (3, 1, 1)), np.tile(circle_mm(EPI_MM), (3, 1, 1)))
    es = (num_phases // 2 + late) % num_phases
    return measure_strain(stack, masks, contours, _frame(levels), ed=late, es=es, config=CONFIG)


def _truth(depth: float = 0.3) -> tuple[float, float]:
    """Of both contours together, and of the thickness."""
    endo, epi = radii(PHASES, depth)
    around = 100 * ((endo / ENDO_MM + epi / EPI_MM) / 2 - 1)
    return float(around.min()), float((100 * ((epi - endo) / (EPI_MM - ENDO_MM) - 1)).max())


@pytest.fixture(scope="module")
def result() -> StrainResult:
    return _measured()


def test_a_contracting_ring_gives_its_analytic_strain_in_every_segment(result):
    ecc, err = _truth()
    assert result.ecc_global == pytest.approx(ecc, abs=2.0)
    assert result.err_global == pytest.approx(err, abs=8.0)
    np.testing.assert_allclose(result.ecc_segments, ecc, atol=4.0)
    np.testing.assert_allclose(result.err_segments, err, atol=16.0)
    assert result.closure_mm < 1.5
    assert result.reasons == {}


def test_contours_alone_say_the_same(result):
    check = result.by_contours
    ecc, err = _truth()
    assert check.midwall == pytest.approx(ecc, abs=1.5)
    assert check.radial == pytest.approx(err, abs=6.0)
    assert check.endocardial < check.midwall < check.epicardial


def test_the_cycle_begins_with_end_diastole_wherever_it_stands():
    late = _measured(late=5)
    assert late.ecc_global == pytest.approx(_truth()[0], abs=2.0)
    assert late.ecc_curve[0] == 0
    assert int(late.ecc_curve.argmin()) == PHASES // 2


def test_a_ring_that_only_moves_has_no_strain():
    result = _measured(depth=0.0, shift_mm=5.0)
    assert abs(result.ecc_global) < 2.5
    assert abs(result.err_global) < 6.0


def test_the_three_slices_are_basal_mid_and_apical_in_whatever_thirds_they_lie():
    # Of 7 or 8 slices the one for the apex lies in the middle third.
    assert np.isfinite(_measured(8, levels=(0, 1, 1)).ecc_segments).all()


def test_too_few_phases_and_an_open_wall_have_a_reason():
    few = _measured(6)
    assert set(few.reasons) == set(StrainResult.columns())
    assert set(few.reasons.values()) == {"6 phases, strain needs 8 or more"}
    assert not np.isfinite(list(few.by_column().values())).any()
    stack = CineStack(np.zeros((8, 3, SIZE, SIZE), np.float32), (10.0, PIXEL_MM, PIXEL_MM), np.arange(8.0), "m")
    opened = Contours(np.full((3, 96, 2), np.nan), np.full((3, 96, 2), np.nan))
    none = measure_strain(stack, _masks(8, 0.0), opened, _frame(), ed=0, es=4, config=CONFIG)
    assert set(none.reasons.values()) == {"the wall is not closed in a slice in which strain is measured"}


def test_columns_are_those_of_the_table():
    from cardiolens.imaging.phenotype_table import PHENOTYPES

    assert StrainResult.columns() == tuple(p.column for p in PHENOTYPES if p.group in {"Ecc", "Err"})


@pytest.mark.parametrize("wrong", [{"spokes": 2}, {"margin_mm": 1.0}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(BadOption):
        StrainConfig(**wrong)
