import pytest

from cardiolens.signals.units import millivolts_per


@pytest.mark.parametrize(
    ("unit", "millivolts"),
    [("mV", 1), ("V", 1000), ("uV", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("MICROVOLTS", 1e-3), (" nV ", 1e-6), ("Volts", 1e3)],
)
def test_units_are_known_by_symbol_and_word(unit, millivolts):
    assert millivolts_per(unit) == millivolts


@pytest.mark.parametrize("unit", ["", "adu", "mmHg", "m", "1"])
def test_other_units_are_no_voltage(unit):
    assert millivolts_per(unit) is None
