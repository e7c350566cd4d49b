import gc
import time
from datetime import date

import pytest

from cardiolens.formats.statements import Persons, without_persons

NOBODY = Persons()
JANE = Persons(names=("O'Hara, Jane",), numbers=("00123456", "SBJ-123"), born=(date(1951, 2, 4),))


def test_blanks_are_collapsed_and_empty_lines_dropped():
    assert without_persons(["  Sinus \n rhythm ", "", "   "], NOBODY) == (("Sinus rhythm",), ())


def test_a_participants_number_is_hidden():
    (kept,), _ = without_persons(["as in 7654321"], NOBODY)
    assert kept.startswith("as in id-")
    assert "7654321" not in kept


@pytest.mark.parametrize(
    "line",
    [
        "Confirmed by Smith", "REVIEWED BY J", "Overread by K", "over-read by K", "Dr. Who saw it", "J. Doe, M.D.",
        "Mr. Doe's ECG", "Electronically signed by X", "Confirmed: X", "Interpreted on Feb 3, 2015",
        "edited and signed by X", "Verified by: X", "Read on 3/4/2015", "referred by X", "Befundet von X",
        "Technician: X", "Electronic ID: 12", "DOB 4.2.51", "born in Bonn", "Date of birth unknown", "geb. 4.2.",
        "geboren in Bonn", "née le 4 mai", "nato il 4", "MRN 12", "Patient ID 12", "patient name X", "Pat.-Nr. 12",
        "Pat.Nr 12", "Patienten-ID 12", "Patient no. 123", "Name: X",
    ],
)  # fmt: skip
def test_a_line_that_looks_like_a_signature_or_bears_a_label_of_persons_is_left_out_and_counted(line):
    kept, notes = without_persons(["Sinus rhythm", line], NOBODY)
    assert kept == ("Sinus rhythm",)
    assert notes == ("left out 1 of 2 statements, for they name a person",)


@pytest.mark.parametrize(
    "line",
    [
        "WHEN COMPARED WITH ECG OF 22-JAN-1999 (UNCONFIRMED)", "Unconfirmed", "Unconfirmed diagnosis", "Normal",
        "AV block", "Inferior infarct II III aVF", "No change since 3/4/2015", "Patient no longer paced",
        "confirmed on repeat ECG", "QRS > 115mS, MR 2 ms", "Sinusrhythmus, P-Dauer 120 ms",
        "ST elevation, consider acute injury", "V-rate 50-99", "of newborn type", "paced by a pacemaker",
        "Read with care", "120 mmHg on 4 of 2",
    ],
)  # fmt: skip
def test_sentences_of_medicine_are_kept(line):
    persons = Persons(("A.V. II, M.D.", "John Smith III", "NORM", "Av", "AV", "St", "MI"), ("5099", "203"), (date(1951, 2, 4),))
    assert without_persons([line], persons) == ((line,), ())


@pytest.mark.parametrize(
    "line", ["seen by JANE", "Jane's ECG", "ohara jane", "(O\N{RIGHT SINGLE QUOTATION MARK}HARA)", "Ｊａｎｅ"]
)
def test_a_word_of_a_name_is_found_whatever_its_case_and_surroundings(line):
    assert JANE.are_in(line)
    assert not JANE.are_in("Janes Haram")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("SMITH^JANE", "Jane"),
        ("Smith,Jane", "Jane"),
        ("J.Smith", "Smith"),
        ("Müller", "MULLER"),
        ("Muller", "Mu\N{COMBINING DIAERESIS}ller"),
        ("LI^WEI", "seen by LI"),
        ("LI^WEI", "seen by Li"),
        ("Li", "SEEN BY LI"),
        ("Av", "Av said"),
        ("LE", "Le said"),
        ("DE LA CRUZ", "cruz"),
        ("王^小明", "由王小明确认"),
        ("小明 王", "王小明"),
        ("王", "医生 王 确认"),
        ("김^철수", "김철수는"),
        ("YAMADA^TARO=山田^太郎", "山田さん"),
        ("ヤマダ", "ﾔﾏﾀﾞ"),
        ("Петров", "ПЕТРОВ"),
        ("Lee 7654", "as 7654"),
    ],
)
def test_a_name_is_found_in_every_writing(name, line):
    assert Persons(names=(name,)).are_in(line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Av", "AV BLOCK"),
        ("Av", "av block"),
        ("AV", "AV block"),
        ("Li", "ulcer of li kind"),
        ("J", "J point"),
        ("DE LA CRUZ", "BLOQUEO DE RAMA"),
        ("张", "左室扩张"),
        ("II", "I II III aVR"),
        ("", "Sinus rhythm"),
    ],
)
def test_a_short_name_does_not_take_the_words_of_medicine_away(name, line):
    assert not Persons(names=(name,)).are_in(line)


@pytest.mark.parametrize(
    "line",
    ["123456", "no 00123456.", "id0123456x", "12-34-56", "12 34 56 on 3.2.15", "SBJ-123", "sbj 123", "SBJ_123", "１２３４５６"],
)
def test_a_number_is_found_by_its_digits_and_a_code_by_its_letters_too(line):
    assert JANE.are_in(line)


@pytest.mark.parametrize("line", ["1234567", "123", "SBJ-12", "QRS 123 ms, QT 456", "23456"])
def test_another_number_is_not(line):
    assert not JANE.are_in(line)


def test_numbers_of_less_than_four_digits_are_not_looked_for():
    assert not Persons(numbers=("96", "0123")).are_in("QRS 96 ms, PR 123")


@pytest.mark.parametrize(
    "line",
    [
        "4.2.1951", "04.02.51", "4/2/51", "02/04/1951", "2/4/51", "1951-02-04", "1951/2/4", "19510204", "04021951",
        "510204-1234", "4-FEB-1951", "04FEB51", "4. Februar 1951", "February 4th, 1951", "le 4 février 1951",
        "4 de febrero de 1951", "1951年2月4日", "1951 2 4",
    ],
)  # fmt: skip
def test_a_birth_date_is_found_in_the_usual_layouts(line):
    assert JANE.are_in(f"ECG of {line}, sinus rhythm")


@pytest.mark.parametrize("line", ["5.2.1951", "4.2.1952", "4 MAR 1951", "19510205", "1951", "4.2.", "51 2 5"])
def test_another_date_is_not(line):
    assert not JANE.are_in(line)


def test_a_device_that_bears_a_person_is_none_and_another_is_one_line():
    assert JANE.kept("Holter of Jane") is None
    assert JANE.kept("Holter 123456") is None
    assert JANE.kept("  ") is None
    assert JANE.kept(" Holter\n 9 ") == "Holter 9"
    assert JANE.kept("Holter 7654321").startswith("Holter id-")


def test_a_lead_s_name_that_bears_a_person_is_withheld_unless_it_is_a_standard_lead():
    persons = Persons(names=("Jane Ecg",))
    assert persons.shown("resp Jane") == "a withheld name"
    assert persons.shown("ECG aVR") == "ECG aVR"
    assert persons.shown(" resp 7654321").startswith("resp id-")


def test_a_number_at_the_place_of_the_cut_never_shows_in_part():
    for num_before in range(30, 41):
        assert "765432" not in NOBODY.shown("x" * num_before + " 7654321")


def test_persons_never_show():
    assert repr(JANE) == "Persons()"


def test_the_time_of_many_persons_and_lines_does_not_grow_as_their_product():
    few, many = (min(_processor_seconds(number) for _ in range(2)) for number in (2_500, 10_000))
    assert many / few < 8, "four times as many of both take sixteen times as long if every line is held against every person"


def _processor_seconds(number):
    """What `number` lines take beside as many persons: this process's own time, which others on the machine do not lengthen."""
    numbers = range(1 << 20, (1 << 20) + number)
    names = tuple(f"{one:x}".translate(str.maketrans("0123456789", "ghijklmnop")) for one in numbers)
    persons = Persons(names, tuple(map(str, range(10_000, 10_000 + number))))
    gc.disable()
    try:
        began = time.process_time()
        kept, _ = without_persons(["Sinus rhythm"] * number, persons)
        seconds = time.process_time() - began
    finally:
        gc.enable()
    assert len(kept) == number
    return seconds
