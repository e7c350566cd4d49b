from pathlib import Path

import numpy as np
import pytest
from scp_files import (
    LEAD_CODES,
    STANDARD,
    assemble,
    complexes,
    counts,
    places,
    plain,
    section_2,
    section_3,
    section_4,
    waveforms,
    with_beats,
)

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import MOST_SAMPLES
from cardiolens.formats.scp.rhythm import StoredLead, read_rhythm
from cardiolens.formats.scp.sections import read_record

_STEP_MV = 0.0025
_OWN = (("0", 0, 1, 0), ("10", 8, 1, 0), ("110", 16, 1, 0), ("1110", 0, 1, -1), ("1111", 0, 1, 1))
_TWO = [
    (("0", 0, 1, 0), ("10", 0, 1, 1), ("110", 0, 1, -1), ("1110", 0, 0, 2), ("1111", 16, 1, 0)),
    (("00", 0, 1, 20), ("01", 0, 1, -20), ("10", 0, 0, 1), ("11", 16, 1, 0)),
]


def _read(tmp_path: Path, sections: dict[int, bytes]):
    return read_rhythm(read_record(assemble(tmp_path / "r.scp", sections)))


@pytest.mark.parametrize("differences", [0, 1, 2])
@pytest.mark.parametrize("coding", [{}, {"tables": [STANDARD]}, {"tables": [_OWN]}, {"tables": _TWO}])
def test_every_coding_gives_back_every_sample(tmp_path, differences, coding):
    rows = counts()
    rhythm = _read(tmp_path, plain(rows, differences=differences, **coding))
    np.testing.assert_allclose(rhythm.signal_mv, rows * _STEP_MV, rtol=1e-6)
    assert rhythm.leads == tuple(StoredLead(code, 1, 500) for code in LEAD_CODES)
    assert (rhythm.rate_hz, rhythm.interpolated) == (500.0, False)


@pytest.mark.parametrize("differences", [1, 2])
@pytest.mark.parametrize("tables", [[], [STANDARD]])
def test_a_difference_beyond_16_bits_comes_round_again(tmp_path, differences, tables):
    rows = np.array([[32767, -32768, 32767, 0, -32768, 5]])
    coding = {"tables": tables} if tables else {}
    np.testing.assert_allclose(_read(tmp_path, plain(rows, differences=differences, **coding)).signal_mv, rows * _STEP_MV)


@pytest.mark.parametrize("differences", [0, 1, 2])
def test_a_lead_of_one_sample_is_read(tmp_path, differences):
    assert _read(tmp_path, plain(np.array([[-4]]), differences=differences)).signal_mv.tolist() == [[np.float32(-0.01)]]


def test_step_and_rate_are_those_of_the_record(tmp_path):
    rhythm = _read(tmp_path, plain(counts(), nanovolts=4880, interval_us=4000))
    np.testing.assert_allclose(rhythm.signal_mv, counts() * 0.00488, rtol=1e-6)
    assert rhythm.rate_hz == 250.0


def test_leads_of_other_times_keep_their_time_and_are_missing_elsewhere(tmp_path):
    rows = counts(3, 40)
    sections = plain(rows) | {3: section_3([(11, 50), (51, 90), (20, 59)], LEAD_CODES[:3])}
    signal = _read(tmp_path, sections).signal_mv
    assert signal.shape == (3, 80)
    for row, start, found in zip(rows, (0, 40, 9), signal, strict=True):
        np.testing.assert_allclose(found[start : start + 40], row * _STEP_MV, rtol=1e-6)
        assert np.isnan(found).sum() == 40


@pytest.mark.parametrize("beat_nanovolts", [2500, 5000])
@pytest.mark.parametrize("differences", [0, 1, 2])
def test_the_reference_beat_is_put_back_to_every_sample(tmp_path, differences, beat_nanovolts):
    rows = counts()
    sections = with_beats(rows, bimodal=False, beat_nanovolts=beat_nanovolts, differences=differences)
    rhythm = _read(tmp_path, sections)
    np.testing.assert_allclose(rhythm.signal_mv, rows * _STEP_MV, atol=1e-6)
    assert (rhythm.rate_hz, rhythm.interpolated) == (500.0, False)


def test_bimodal_data_are_exact_where_protected_and_close_elsewhere(tmp_path):
    rows = counts()
    rhythm = _read(tmp_path, with_beats(rows, bimodal=True))
    error = np.abs(rhythm.signal_mv - rows * _STEP_MV)
    protected = np.zeros(500, bool)
    for place in places(500):
        protected[place - 13 : place + 11] = True
    assert error[:, protected].max() < 1e-6
    assert 1e-3 < error[:, ~protected].max() < _STEP_MV + 1e-6
    assert (rhythm.rate_hz, rhythm.interpolated) == (500.0, True)


def test_bimodal_data_at_the_full_rate_lack_nothing(tmp_path):
    sections = plain(counts(), bimodal=True) | {5: waveforms(complexes(), nanovolts=2500, interval_us=2000)}
    rhythm = _read(tmp_path, sections)
    np.testing.assert_allclose(rhythm.signal_mv, counts() * _STEP_MV, rtol=1e-6)
    assert not rhythm.interpolated


def test_a_group_is_interpolated_held_at_the_ends_and_what_is_left_over_is_copied(tmp_path):
    # Eleven samples before the zone: two groups and three single ones; a zone of two; one group behind it.
    stored = [[0, 40, 7, 8, 9, 100, 101, 50]]
    sections = {
        3: section_3([(1, 17)], [1]),
        4: section_4(2, 1, [(1, 0, 12, 0)], [(12, 13)]),
        5: waveforms([[0]], nanovolts=1000, interval_us=2000),
        6: waveforms(stored, nanovolts=1000, interval_us=8000, bimodal=True),
    }
    expected = [0, 0, 0, 10, 20, 30, 40, 40, 7, 8, 9, 100, 101, 50, 50, 50, 50]
    np.testing.assert_allclose(_read(tmp_path, sections).signal_mv, [np.array(expected) / 1000], atol=1e-6)


@pytest.mark.parametrize("zones", [[(1, 4), (9, 12)], [(0, 2), (2, 4), (9, 99)], [(9, 12), (1, 4)]])
def test_zones_may_touch_overlap_and_reach_beyond_the_lead(tmp_path, zones):
    sections = {
        3: section_3([(1, 12)], [1]),
        4: section_4(2, 1, [(1, 0, 1, 0)] * len(zones), zones),
        5: waveforms([[0]], nanovolts=1000, interval_us=1000),
        6: waveforms([[1, 2, 3, 4, 6, 9, 8, 7, 6]], nanovolts=1000, interval_us=4000, bimodal=True),
    }
    expected = [1, 2, 3, 4, 6, 6, 6, 6, 9, 8, 7, 6]
    np.testing.assert_allclose(_read(tmp_path, sections).signal_mv, [np.array(expected) / 1000], atol=1e-6)


def test_a_beat_that_reaches_beyond_the_recording_or_itself_is_put_back_as_far_as_it_goes(tmp_path):
    beat = np.array([[1, 2, 3]])
    sections = plain(np.zeros((1, 6), int), nanovolts=1000) | {
        3: section_3([(1, 6)], [1], subtracted=True),
        4: section_4(6, 2, [(0, 0, 1, 5), (0, 4, 6, 9)]),
        5: waveforms(beat, nanovolts=1000, interval_us=2000),
    }
    np.testing.assert_allclose(_read(tmp_path, sections).signal_mv * 1000, [[2, 3, 0, 0, 1, 2]], atol=1e-5)


def test_a_reference_beat_that_was_not_subtracted_is_not_added(tmp_path):
    sections = plain(counts()) | {5: waveforms(complexes(), nanovolts=2500, interval_us=1000)}
    np.testing.assert_allclose(_read(tmp_path, sections).signal_mv, counts() * _STEP_MV, rtol=1e-6)


def _without(number: int):
    return lambda sections: {key: content for key, content in sections.items() if key != number}


def _instead(number: int, content: bytes):
    return lambda sections: sections | {number: content}


def _cut(number: int, size: int):
    return lambda sections: sections | {number: sections[number][:size]}


_ROWS = counts(2, 40)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_without(3), "no section 3"),
        (_without(6), "no section 6"),
        (_instead(3, section_3([], [])), "no leads in section 3"),
        (_instead(3, section_3([(2, 1)] * 2, (1, 2))), "a lead without samples in section 3"),
        (_cut(3, 12), "12 bytes in section 3"),
        (_instead(3, section_3([(1, 41)] * 2, (1, 2))), "40 samples of a lead in section 6"),
        (_instead(3, section_3([(1, MOST_SAMPLES)] * 2, (1, 2))), f"{MOST_SAMPLES} samples in each of 2 leads"),
        (_instead(3, section_3([(1, 40), (1 << 31, (1 << 31) + 39)], (1, 2))), "2147483687 samples in each of 2 leads"),
        (_instead(6, waveforms(_ROWS, nanovolts=0, interval_us=2000)), "0 nV per step and 2000 us per sample"),
        (_instead(6, waveforms(_ROWS, nanovolts=2500, interval_us=0)), "2500 nV per step and 0 us per sample"),
        (_instead(6, waveforms(_ROWS, nanovolts=2500, interval_us=2000, differences=3)), "differences of order 3"),
        (_cut(6, 100), "100 bytes in section 6"),
        (_cut(6, 8), "8 bytes in section 6"),
        (_instead(2, b"\1\0"), "2 bytes in section 2"),
    ],
)
def test_a_rhythm_that_does_not_fit_is_refused(tmp_path, change, found):
    with pytest.raises(BadRecording) as refusal:
        _read(tmp_path, change(plain(_ROWS)))
    assert f"r.scp: found {found}" in str(refusal.value)


def _beats(interval_us: int, num_samples: int = 101) -> bytes:
    return waveforms(complexes(2)[:, :num_samples], nanovolts=2500, interval_us=interval_us, differences=2, tables=[STANDARD])


@pytest.mark.parametrize(
    ("bimodal", "change", "found"),
    [
        (False, _without(4), "no section 4"),
        (False, _without(5), "no section 5"),
        (True, _without(4), "no section 4"),
        (True, _without(5), "no section 5"),
        (False, _instead(5, _beats(1000)), "a sample every 2000 us in section 6; expected one every 1000 us as in section 5"),
        (
            True,
            _instead(5, _beats(3000)),
            "a sample every 8000 us in section 6; expected one every 3000 us as in section 5, or",
        ),
        (True, _instead(5, _beats(16000)), "a sample every 8000 us in section 6"),
        (True, _cut(4, 70), "70 bytes in section 4"),
        (False, _cut(4, 20), "20 bytes in section 4"),
        (False, _instead(4, section_4(0, 1, [])), "a reference beat of 0 ms in section 4"),
        (False, _instead(4, section_4(60000, 1, [])), "103 samples of a lead in section 5"),
        (False, _instead(4, section_4(202, 51, [(0, 1, 101, 180)] * 30)), "beats that lie upon each other in section 4"),
        (False, _instead(2, section_2([_OWN[:1]])), "bits that are no Huffman code in section 6"),
    ],
)
def test_a_reference_beat_that_does_not_fit_is_refused(tmp_path, bimodal, change, found):
    with pytest.raises(BadRecording) as refusal:
        _read(tmp_path, change(with_beats(counts(2), bimodal=bimodal)))
    assert f"r.scp: found {found}" in str(refusal.value)
