import pickle
from pathlib import Path

import pytest

from cardiolens.errors import BadInput, BadRecording, CardiolensError, NoSpace


def test_a_message_is_one_line_with_file_found_expected_and_remedy():
    error = BadRecording(Path("folder/7654321_20205_2_0.xml"), found="11\nleads", expected="12 leads", remedy="export again")
    assert str(error).count("\n") == 0
    assert "7654321" not in str(error)
    assert not str(error).startswith("folder")
    assert str(error).endswith("_20205_2_0.xml: found 11 leads; expected 12 leads; export again")


def test_bad_input_and_a_full_disk_are_told_apart():
    assert issubclass(BadInput, CardiolensError)
    assert not issubclass(NoSpace, BadInput)
    assert "no space" in str(NoSpace("cohort"))


@pytest.mark.parametrize("error", [BadRecording("a.zip/1234567.xml", found="a", expected="b", remedy="c"), NoSpace("cohort")])
def test_an_error_comes_back_from_a_worker_as_it_was(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back)) == (type(error), str(error))
    assert "1234567" not in str(back)
