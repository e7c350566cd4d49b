import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds
from cardiolens.formats.bounds import read_bounded, refuse_too_many_samples


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 2048)
    assert read_bounded(path, 2048) == b"x" * 2048
    with pytest.raises(BadRecording, match=r"a: found more than 1 KiB; expected an ECG of a few minutes"):
        read_bounded(path, 2047)


def test_a_promise_beyond_all_reason_is_refused(tmp_path):
    refuse_too_many_samples(tmp_path / "a", 12, bounds.MOST_SAMPLES // 12)
    with pytest.raises(BadRecording, match="found 1000000000000 samples in each of 12 leads"):
        refuse_too_many_samples(tmp_path / "a", 12, 10**12)
