import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.synthetic.scans.hearts import Family, draw_heart
from cardiolens.synthetic.scans.scan import ScanConfig, draw_scan
from cardiolens.synthetic.scans.sections import cross_sections, draw_right_ventricle
from cardiolens.synthetic.scans.source import ScanSource

CONFIG = ScanConfig()


@pytest.fixture(scope="module")
def scans():
    return [draw_scan(seed=1, index=index, config=CONFIG) for index in range(24)]


def test_a_scan_follows_from_seed_and_index_alone(scans):
    again = draw_scan(seed=1, index=7, config=CONFIG)
    np.testing.assert_array_equal(again.frames, scans[7].frames)
    np.testing.assert_array_equal(again.masks, scans[7].masks)
    assert not np.array_equal(draw_scan(seed=2, index=7, config=CONFIG).frames, scans[7].frames)


def test_pictures_lie_in_0_to_1_and_masks_hold_the_four_labels(scans):
    assert all(scan.frames.min() >= 0 and scan.frames.max() <= 1 for scan in scans)
    assert set(np.unique(np.concatenate([scan.masks.ravel() for scan in scans]))) == {0, 1, 2, 3}


def test_the_cavity_lies_inside_the_wall(scans):
    from scipy.ndimage import binary_dilation

    for scan in scans:
        for mask in scan.masks:
            around = binary_dilation(mask == 1) & (mask != 1)
            # The picture's edge may cut a heart that lies off the middle.
            assert set(np.unique(mask[around])) <= {2}


def test_both_ends_of_the_stack_have_slices_without_a_heart_or_with_the_left_one_alone(scans):
    empty = sum(not mask.any() for scan in scans for mask in scan.masks)
    right_missing = sum((mask == 1).any() and not (mask == 3).any() for scan in scans for mask in scan.masks)
    assert empty > 2
    assert right_missing > 2


def test_blood_is_brighter_than_muscle(scans):
    brighter = [
        scan.frames[scan.masks == 1].mean() > scan.frames[scan.masks == 2].mean()
        for scan in scans
        if (scan.masks == 1).sum() > 300
    ]
    assert np.mean(brighter) > 0.95


def test_every_scan_gives_two_slices_fewer_than_it_draws(scans):
    assert {len(scan.targets) for scan in scans} == {CONFIG.num_slices - 2}
    assert {scan.targets.start for scan in scans} == {0, 1, 2}


def test_the_wall_keeps_its_volume_whatever_the_shape():
    rng = np.random.default_rng(0)
    for _ in range(20):
        heart = draw_heart(rng)
        right = draw_right_ventricle(heart, rng)
        height = np.arange(0.5, 260)
        sections = cross_sections(heart, right, height, thickness_mm=1.0)
        areas = [np.pi * (table**2).mean(axis=1).sum() for table in (sections.epi_mm, sections.endo_mm)]
        mass = (areas[0] - areas[1]) / 1000 * 1.05
        assert 30 < mass < 430
        assert 5 < areas[1] / 1000 < 520


def test_the_ranges_hold_the_tails_that_a_segmenter_fails_on():
    rng = np.random.default_rng(1)
    hearts = [draw_heart(rng) for _ in range(600)]
    assert max(heart.wall_mm for heart in hearts if heart.family is Family.HYPERTROPHIC) > 20
    assert min(heart.radius_mm for heart in hearts) < 10
    assert max(heart.radius_mm for heart in hearts) > 38
    assert max(heart.rv_width_mm for heart in hearts) > 55


def test_a_source_begins_where_it_is_told_to():
    source = ScanSource(ScanConfig(pixels=32, pixel_mm=4.0, num_slices=4), seed=1, num_scans=6, batch_scans=2)
    whole, rest = list(source.epoch(1, shuffle=True)), list(source.epoch(1, shuffle=True, start_batch=1))
    assert [len(whole), len(rest)] == [3, 2]
    for a, b in zip(whole[1:], rest, strict=True):
        assert a.cmr.equal(b.cmr)
        assert a.cmr_mask.equal(b.cmr_mask)
    assert not whole[0].cmr.equal(next(source.epoch(2, shuffle=True)).cmr)
    assert next(source.epoch(0, shuffle=False)).cmr.equal(next(source.epoch(5, shuffle=False)).cmr)


def test_impossible_scans_are_refused():
    with pytest.raises(BadOption, match="num_slices"):
        ScanConfig(num_slices=1)
    with pytest.raises(BadOption, match="whole batch"):
        ScanSource(ScanConfig(), seed=0, num_scans=1, batch_scans=2)
