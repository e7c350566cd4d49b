import numpy as np
import pytest
from moving_rings import circle_mm

from cardiolens.imaging.contour_strain import contour_strain
from cardiolens.imaging.contours import Contours


def _contours(endo: float, epi: float) -> Contours:
    return Contours(np.tile(circle_mm(endo, 256), (2, 1, 1)), np.tile(circle_mm(epi, 256), (2, 1, 1)))


def test_circles_give_their_formula():
    found = contour_strain(_contours(20.0, 30.0), _contours(14.0, 28.0), [0, 1])
    assert found.endocardial == pytest.approx(-30, abs=0.1)
    assert found.epicardial == pytest.approx(-100 / 15, abs=0.1)
    assert found.midwall == pytest.approx(-16, abs=0.1)
    assert found.radial == pytest.approx(40, abs=0.1)


def test_slices_without_contours_count_for_nothing():
    nothing = Contours(np.full((2, 256, 2), np.nan), np.full((2, 256, 2), np.nan))
    assert np.isnan(contour_strain(nothing, _contours(14.0, 28.0), [0, 1]).radial)
