import pytest

from cardiolens.serving.held_files import held, held_inputs, plain_name


def test_files_lie_in_memory_and_vanish():
    with held({"a.hea": b"head", "a.dat": b"data"}) as folder:
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"a.hea": b"head", "a.dat": b"data"}
    assert not folder.exists()


def test_they_vanish_after_an_error_too():
    with pytest.raises(RuntimeError), held({"a": b""}) as folder:
        raise RuntimeError
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("ecg.xml", "ecg.xml"), ("../../etc/passwd", "passwd"), ("..\\..\\x.xml", "x.xml"), (".hidden", "hidden"),
        ("", "ecg"), ("...", "ecg"), ("a b\0c.dcm", "a_b_c.dcm"), ("é" * 200 + ".edf", "é" * 48 + ".edf"),
        ("x" * 300 + ".scp", "x" * 96 + ".scp"),
    ],
)  # fmt: skip
def test_a_name_cannot_leave_the_folder(name, plain):
    assert plain_name(name) == plain


def test_files_whose_names_are_alike_stay_apart_and_keep_their_names():
    names = ["乙.xml", "甲.xml", "a b.xml", "a_b.xml", "Müller Ångström 心電図.xml", "x/ecg.xml", "y/ecg.xml"]
    names.append(f"{'z' * 150}.xml")
    with held_inputs([(name, name.encode()) for name in names]) as inputs:
        assert [one.path.read_bytes().decode() for one in inputs] == names
        assert [one.source for one in inputs] == [*names[:5], "ecg.xml", "ecg.xml (2)", names[7]]


def test_a_participant_is_hidden_in_a_name_that_is_kept():
    with held_inputs([("心電図_1234567.xml", b"")]) as (one,):
        assert "1234567" not in one.source
        assert one.source.startswith("心電図_id-")


def test_a_header_and_its_data_lie_together_even_beside_another_record_of_that_name():
    files = [("心電.hea", b"1"), ("a b.hea", b"2"), ("a_b.dat", b"3"), ("a b.dat", b"2"), ("a_b.hea", b"3"), ("心電.dat", b"1")]
    files += [("心電.hea", b"4"), ("心電.dat", b"4")]
    with held_inputs(files) as inputs:
        assert [one.source for one in inputs] == ["心電.hea", "a b.hea", "a_b.hea", "心電.hea (2)"]
        for one in inputs:
            assert one.path.with_suffix(".dat").read_bytes() == one.path.read_bytes()
        assert inputs[0].path.name == "心電.hea"
