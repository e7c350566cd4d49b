import pytest

from cardiolens.errors import BadOption
from cardiolens.formats.declaration import Declaration


def test_what_is_declared_is_kept():
    declared = Declaration(rate_hz=500.0, unit="uV", leads=("I", "II"))
    assert (declared.rate_hz, declared.unit, declared.leads) == (500, "uV", ("I", "II"))


@pytest.mark.parametrize("unit", ["mmHg", "adu", "", "1e-4 V"])
def test_a_unit_that_is_no_voltage_is_refused(unit):
    with pytest.raises(BadOption, match=r"--unit: found .*; expected V, mV, uV or nV"):
        Declaration(unit=unit)


@pytest.mark.parametrize("rate_hz", [0.0, -500.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate_hz):
    with pytest.raises(BadOption, match=r"--rate: found .*; expected samples per second"):
        Declaration(rate_hz=rate_hz)
