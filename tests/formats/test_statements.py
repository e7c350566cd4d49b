import pytest

from cardiolens.formats.statements import without_persons


def test_blanks_are_collapsed_and_empty_lines_dropped():
    assert without_persons(["  Sinus \n rhythm ", "", "   "], []) == (("Sinus rhythm",), ())


@pytest.mark.parametrize(
    "line",
    ["Confirmed by Smith", "REVIEWED BY J", "Overread by K", "Dr. Who saw it", "J. Doe, M.D.", "seen by JANE", "Jane's ECG"],
)
def test_a_line_that_names_a_person_is_left_out_and_counted(line):
    kept, notes = without_persons(["Sinus rhythm", line], ["O'Hara, Jane"])
    assert kept == ("Sinus rhythm",)
    assert notes == ("left out 1 of 2 statements, for they name a person",)


@pytest.mark.parametrize(
    "line", ["WHEN COMPARED WITH ECG OF 22-JAN-1999 (UNCONFIRMED)", "Inferior infarct II III aVF", "Normal", "AV block"]
)
def test_words_of_medicine_are_not_taken_for_names(line):
    assert without_persons([line], ["A.V. II, M.D.", "NORM", "1999"]) == ((line,), ())


def test_a_participants_number_is_hidden():
    (kept,), _ = without_persons(["as in 7654321"], [])
    assert kept.startswith("as in id-")
    assert "7654321" not in kept
