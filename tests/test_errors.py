from cardiolens.errors import BadInput, BadRecording, CardiolensError, NoSpace


def test_a_message_is_one_line_with_file_found_expected_and_remedy():
    error = BadRecording("folder/7654321_20205_2_0.xml", found="11\nleads", expected="12 leads", remedy="export again")
    assert str(error).count("\n") == 0
    assert "7654321" not in str(error)
    assert str(error).endswith("_20205_2_0.xml: found 11 leads; expected 12 leads; export again")


def test_bad_input_and_a_full_disk_are_told_apart():
    assert issubclass(BadInput, CardiolensError)
    assert not issubclass(NoSpace, BadInput)
    assert "no space" in str(NoSpace("cohort"))
