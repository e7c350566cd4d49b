from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from cine_stacks import oblique_geometry
from cmr_files import VISIT, changed, long_axis_geometry, pictures, series_per_slice, whole_stack, write_folder

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.dicom_headers import read_headers
from cardiolens.formats.cmr.short_axis import choose_short_axis
from cardiolens.imaging.stack_geometry import StackGeometry, one_slice


def _long_axis_views(count=3):
    one = whole_stack(slices=1)
    return [pictures(one, long_axis_geometry(turn), number=20 + turn, description="cine_view") for turn in range(count)]


def _chosen(folder, *series):
    headers = read_headers(write_folder(folder / "study", [frame for one in series for frame in one]).iterdir())
    return choose_short_axis(headers, "study")


def _series_numbers(plane):
    return {frame.series_number for frame in plane.frames}


def test_the_stack_is_found_among_long_axis_views_and_single_pictures(tmp_path):
    localiser = pictures(whole_stack(phases=1, slices=3), number=30)
    plane, notes = _chosen(tmp_path, *series_per_slice(), *_long_axis_views(), localiser)
    assert _series_numbers(plane) == {1, 2, 3, 4, 5}
    assert (len(plane.slices), plane.num_phases) == (5, 8)
    assert np.allclose(plane.normal, oblique_geometry().along_slices, atol=1e-5)
    assert notes == ("left out: 24 pictures of 3 other cine views, 3 single pictures",)


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (lambda frame: setattr(frame, "ImageType", ["ORIGINAL", "PRIMARY", "P", "RETRO"]), "phase or velocity pictures"),
        (lambda frame: setattr(frame, "ImageType", ["DERIVED", "PRIMARY", "VELOCITY MAP"]), "phase or velocity pictures"),
        (lambda frame: setattr(frame, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), "localisers"),
        (lambda frame: setattr(frame, "SeriesDescription", "CINE_segmented_SAX_InlineVF"), "by their names"),
        (lambda frame: setattr(frame, "ProtocolName", "cine_tagging_3sl"), "by their names"),
        (lambda frame: setattr(frame, "SeriesDescription", "stress_perf_sax"), "by their names"),
    ],
)
def test_later_pictures_of_the_same_slices_that_are_no_cine_are_left_out(tmp_path, change, counted):
    plane, (note,) = _chosen(tmp_path, pictures(number=1), changed(pictures(number=9), change))
    assert _series_numbers(plane) == {1}
    assert note.startswith("left out: 40 ")
    assert counted in note


def test_words_in_which_others_are_hidden_are_no_reason_to_leave_pictures_out(tmp_path):
    plane, notes = _chosen(tmp_path, changed(pictures(), lambda frame: setattr(frame, "SeriesDescription", "cine stage 2")))
    assert len(plane.frames) == 40
    assert not notes


def test_a_short_axis_stack_goes_before_a_larger_one_across_the_body(tmp_path):
    axial = StackGeometry((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    plane, _ = _chosen(tmp_path, pictures(whole_stack(slices=4), number=1), pictures(whole_stack(slices=9), axial, number=2))
    assert _series_numbers(plane) == {1}
    plane, _ = _chosen(tmp_path / "alone", pictures(whole_stack(slices=4), axial, number=2))
    assert _series_numbers(plane) == {2}


def test_a_cine_goes_before_two_phases_of_more_slices(tmp_path):
    wide = changed(pictures(whole_stack(phases=2, slices=7), number=1), lambda frame: setattr(frame, "PixelSpacing", [2, 2]))
    plane, _ = _chosen(tmp_path, wide, pictures(number=2))
    assert _series_numbers(plane) == {2}
    plane, _ = _chosen(tmp_path / "alone", wide)
    assert plane.num_phases == 2


@pytest.mark.parametrize(
    ("first", "second", "wanted"), [("cine_sax", "cine", 1), ("cine", "cine short axis", 2), ("c", "c", 2)]
)
def test_between_equals_the_name_decides_and_then_the_later(tmp_path, first, second, wanted):
    def finer(frame):
        frame.PixelSpacing = [1.7, 1.4]

    one, two = pictures(number=1, description=first), changed(pictures(number=2, description=second), finer)
    plane, _ = _chosen(tmp_path, one, two)
    assert _series_numbers(plane) == {wanted}


def test_directions_within_a_degree_are_one_plane_and_beyond_are_two(tmp_path):
    def turned(degrees):
        short = oblique_geometry()
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        row, down = np.array(short.along_row), np.array(short.along_column)
        axes = (cos * row + sin * down, cos * down - sin * row, np.array(short.along_slices))
        return StackGeometry(short.moved((10.0, 1.8, 1.5), slices=5.0).origin_mm, *(tuple(map(float, axis)) for axis in axes))

    one = whole_stack(slices=1)
    plane, _ = _chosen(tmp_path / "near", pictures(number=1), pictures(one, turned(0.9), number=2))
    assert len(plane.slices) == 6
    plane, _ = _chosen(tmp_path / "far", pictures(number=1), pictures(one, turned(1.1), number=2))
    assert len(plane.slices) == 5


def test_long_axis_views_alone_are_refused_with_their_angles(tmp_path):
    with pytest.raises(BadImage, match=r"3 cine views, whose normals are (8\d|90), .* degrees from the heart's long axis"):
        _chosen(tmp_path, *_long_axis_views())


def test_single_pictures_alone_are_refused_and_counted(tmp_path):
    with pytest.raises(BadImage, match="found no MR cine; left out: 5 single pictures"):
        _chosen(tmp_path, pictures(whole_stack(phases=1)))


def test_a_single_slice_across_the_heart_is_enough(tmp_path):
    alone, place = one_slice(whole_stack(), oblique_geometry(), 2)
    plane, _ = _chosen(tmp_path, pictures(alone, place, number=7), *_long_axis_views())
    assert _series_numbers(plane) == {7}


def test_two_examinations_are_not_mixed(tmp_path):
    other = pictures(visit=replace(VISIT, patient_id="somebody else"))
    with pytest.raises(BadImage, match="pictures of 2 examinations"):
        _chosen(tmp_path, pictures(), other)


def test_counts_of_the_headers_are_not_changed(tmp_path):
    headers = read_headers(write_folder(tmp_path / "a", pictures(whole_stack(phases=1)) + pictures(number=2)).iterdir())
    choose_short_axis(headers, "a")
    assert headers.left_out == Counter()
