import pytest

from cardiolens.errors import BadOption, BadRecording
from cardiolens.serving.page.fields import in_fields, problem


@pytest.mark.parametrize(
    ("said", "translated"),
    [
        ("give the sampling rate in Hz, for instance --rate 500", "give the sampling rate in Hz, for instance rate_hz=500"),
        ("for instance --unit mV", "for instance unit=mV"),
        ("--lead-names I,II,III", "leads=I,II,III"),
        ("leave out --rate: this format says it", "leave out rate_hz: this format says it"),
        ("give --rate if the samples are even", "give rate_hz if the samples are even"),
        ("zeros by --allow-missing-leads", "zeros by allow_missing_leads=true"),
        ("--rates and x--rate", "--rates and x--rate"),
        ("unpack it, or give it to `inspect` or `predict`", "unpack it"),
    ],
)
def test_options_become_fields(said, translated):
    assert in_fields(said) == translated


def test_the_name_of_a_file_stays_as_it_is():
    error = BadRecording("--rate 5.csv", found="no rate", expected="one", remedy="give --rate")
    assert problem(error) == "--rate 5.csv: found no rate; expected one; give rate_hz"
    assert problem(BadOption("--for", found="x", expected="y", remedy="z")) == "target: found x; expected y; z"
