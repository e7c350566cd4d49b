import json
import stat

import pytest

from cardiolens.cohorts.participants import Participants, key_file_of
from cardiolens.errors import BadOption


def test_a_new_key_is_random_and_is_kept(tmp_path):
    one, two = (Participants.open_or_make(tmp_path / name) for name in ("one.json", "two.json"))
    assert one.key != two.key
    assert len(one.key) == 32
    one.recorded(["1234567"])
    again = Participants.open_or_make(tmp_path / "one.json")
    assert (again.key, again.names) == (one.key, {one.subject("1234567"): "1234567"})


def test_nothing_is_written_before_somebody_is_recorded(tmp_path):
    Participants.open_or_make(tmp_path / "key.json")
    assert not (tmp_path / "key.json").exists()


def test_the_file_is_readable_by_the_user_alone(tmp_path):
    Participants.open_or_make(tmp_path / "key.json").recorded(["1234567"])
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_the_key_is_not_shown_where_the_object_is(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["1234567"])
    assert "1234567" not in repr(people)
    assert people.key.hex() not in repr(people)


def test_a_key_file_serves_several_cohorts(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["1234567"])
    more = people.recorded(["2345678", "1234567"])
    assert set(more.names.values()) == {"1234567", "2345678"}
    assert Participants.open(tmp_path / "key.json") == more


def test_who_withdrew_is_forgotten_by_number_and_remembered_by_hash(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["1234567", "2345678"])
    gone = people.subject("1234567")
    people.without([gone])
    left = Participants.open(tmp_path / "key.json")
    assert left.withdrawn == {gone}
    assert list(left.names.values()) == ["2345678"]
    assert "1234567" not in (tmp_path / "key.json").read_text()


def test_a_list_that_was_given_once_is_remembered(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["1234567"], withdrawn=["2345678"])
    again = Participants.open(tmp_path / "key.json").recorded(["1234567", "2345678"])
    assert again.withdrawn == {people.subject("2345678")}
    assert list(again.names.values()) == ["1234567"]


def test_the_key_of_the_splits_is_another_one(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json")
    assert people.split_key not in {people.key, people.key.hex().encode()}
    assert people.split_key == people.split_key


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 1, "key": "ab", "participants": {}, "withdrawn": []}'])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(BadOption, match=r"key\.json: found a file that is no key file"):
        Participants.open_or_make(path)
    assert path.read_text() == content


def test_a_missing_key_file_is_said_with_what_to_do(tmp_path):
    with pytest.raises(BadOption, match=r"found no such file.*give its place by --key"):
        Participants.open(tmp_path / "key.json")


def test_a_key_file_of_another_version_is_refused(tmp_path):
    people = Participants.open_or_make(tmp_path / "key.json").recorded(["1234567"])
    stored = json.loads(people.path.read_text()) | {"schema_version": 2}
    people.path.write_text(json.dumps(stored))
    with pytest.raises(BadOption, match="expected a key file of version 1"):
        Participants.open(people.path)


def test_two_people_with_one_hash_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Participants, "subject", lambda self, participant: "0" * 12)
    with pytest.raises(BadOption, match="two participants with one hash"):
        Participants.open_or_make(tmp_path / "key.json").recorded(["1", "2"])


def test_the_key_file_lies_beside_its_cohort(tmp_path):
    place = key_file_of(tmp_path / "ukb")
    assert place.parent == tmp_path
    assert place.name == "ukb.participants.json"
