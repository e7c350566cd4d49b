"""Running text: numbers that stand free and labels are found, and what only looks like a number of a person is not."""

import pytest
from planted_files import NUMBER

from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.known_numbers import KnownParticipants
from cardiolens.cohorts.audit.running_text import known_numbers, labelled, possible_numbers
from cardiolens.cohorts.audit.text_files import BLOCK_BYTES, text_blocks


@pytest.mark.parametrize(
    "text",
    [
        NUMBER, f"read {NUMBER}.", f"({NUMBER})", f"{NUMBER}_20205_2_0.xml", f"sub-{NUMBER}/ses-2", f"/18/{NUMBER}_20209",
        f"eid{NUMBER}", f"f.{NUMBER}", f"{NUMBER},{NUMBER}", f'"{NUMBER}"', f"participant {NUMBER} withdrew", f"id={NUMBER};",
        f"x\n{NUMBER}\ty",
    ],
)  # fmt: skip
def test_a_free_standing_number_is_seen(text):
    assert [seen.value for seen in possible_numbers(text.encode())] == [NUMBER] * text.count(NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        f"0.{NUMBER}", f"-{NUMBER}", f"{NUMBER}.25", f".{NUMBER}", f"{NUMBER}e5", f"1{NUMBER}", f"a3f{NUMBER}c0ffee",
        f"ab{NUMBER}", f"0x{NUMBER}", f"#{NUMBER}", f"@{NUMBER}", f"${NUMBER}", f"1.2.840.{NUMBER}.3",
        f"1-2-826-0-1-{NUMBER}-9", f"2.25.{NUMBER}", f"https://example.org/questions/{NUMBER}", f'"num_bytes": {NUMBER}',
        f"size = {NUMBER}", f"seed={NUMBER}", f"epoch=3-step={NUMBER}.ckpt", f"checkpoint-{NUMBER}.pt", f"{NUMBER} bytes",
        f"{NUMBER} parameters", f"slurm-{NUMBER}.out", f"PMID: {NUMBER}", f"rate {NUMBER}", f"v{NUMBER}x",
    ],
)  # fmt: skip
def test_fractions_counts_checksums_and_references_are_not_seen(text):
    assert not list(possible_numbers(text.encode()))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DOB 04/02/1951", Kind.BIRTH_DATE), ("patient, born on 4 Feb 1951, came", Kind.BIRTH_DATE),
        ("Date of birth: 1951-02-04", Kind.BIRTH_DATE), ("<td>Date of birth</td><td>04.02.1951</td>", Kind.BIRTH_DATE),
        ('"birth_date": "19510204"', Kind.BIRTH_DATE), ("<DateofBirth>02-04-1951</DateofBirth>", Kind.BIRTH_DATE),
        ("geb. 4.2.1951", Kind.BIRTH_DATE), ("year_of_birth: 1951", Kind.BIRTH_DATE),
        ("Patient name: Jane van Smith", Kind.NAME), ('family_name = "Smith"', Kind.NAME),
        ("<PatientLastName>SMITH</PatientLastName>", Kind.NAME), ("surname: Smith", Kind.NAME),
        ("MRN 00123456", Kind.PARTICIPANT), ("NHS number: 943 476 5919", Kind.PARTICIPANT),
    ],
)  # fmt: skip
def test_what_stands_behind_a_label_is_seen(text, kind):
    assert {seen.kind for seen in labelled(f"one line\n{text}\nanother".encode())} == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "name: Smith", "file name: Report", 'column_name = "Age"', "first_name: str = ''", "family_name = name.text",
        "surname: the family name of a person", "the date of birth is not kept", "<FamilyName></FamilyName>", "reborn 1.2.3",
        '"birth_month": 0.31', "if born.month == 2: return", "dob: unknown", "PatientName: anonymous", "mrn: none",
        "geben 4.2.1951",
    ],
)  # fmt: skip
def test_labels_without_a_person_are_not_seen(text):
    assert not list(labelled(text.encode()))


@pytest.mark.parametrize(
    "text", [NUMBER, f"eid{NUMBER}", f"1.2.840.{NUMBER}", f"{NUMBER}.0", f"{NUMBER}.xml", f"_{NUMBER}_", f"sub-{NUMBER}"]
)
def test_a_known_number_is_certain(text):
    [seen] = known_numbers(text.encode(), KnownParticipants([NUMBER]))
    assert seen.certain


@pytest.mark.parametrize(
    "text",
    [
        f"0.{NUMBER}",
        f"{NUMBER}.5",
        f"1{NUMBER}",
        f"{NUMBER}2",
        f"a{NUMBER}bcdef0",
        f"id-a{NUMBER}",
        f"x -{NUMBER}",
        f"ab3{NUMBER}",
    ],
)
def test_a_known_number_within_something_else_is_not_seen(text):
    assert not list(known_numbers(text.encode(), KnownParticipants([NUMBER])))


def test_each_of_sixty_thousand_known_numbers_is_found():
    numbers = [str(1_000_003 + 83 * place) for place in range(60_000)]
    text = "\n".join(f"{number} 0.{number}" for number in numbers).encode()
    assert [seen.value for seen in known_numbers(text, KnownParticipants(numbers))] == numbers


def test_lines_are_whole_and_counted_over_blocks(tmp_path):
    lines = [f"{place} {'x' * 1000}\n" for place in range(3 * BLOCK_BYTES // 1000)]
    (tmp_path / "a.txt").write_text("".join(lines))
    place = 1
    for first, block in text_blocks(tmp_path / "a.txt"):
        assert first == place
        assert block.endswith(b"\n")
        place += block.count(b"\n")
    assert place == len(lines) + 1


def test_a_line_longer_than_a_block_is_cut_where_no_number_is(tmp_path):
    text = (NUMBER.encode() + b",") * (3 * BLOCK_BYTES // 8)
    (tmp_path / "a.txt").write_bytes(text)
    blocks = [block for _, block in text_blocks(tmp_path / "a.txt")]
    assert b"".join(blocks) == text
    assert len(blocks) > 2
    assert all(block.endswith(b",") for block in blocks)
