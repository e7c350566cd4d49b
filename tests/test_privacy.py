import stat

from cardiolens import privacy
from cardiolens.privacy import display_name, hidden_participant, hide_participants, hiding_by, keyed_hash, typed_path


def test_a_participants_number_in_a_file_name_is_shown_as_a_hash():
    shown = display_name("/data/1234567_20205_2_0.xml")
    assert "1234567" not in shown
    assert shown.endswith("_20205_2_0.xml")
    assert shown == display_name("elsewhere/1234567_20205_2_0.xml")


def test_other_numbers_stay():
    assert hide_participants("00005_hr, 20205, 12345678, 0.1234567890") == "00005_hr, 20205, 12345678, 0.1234567890"


def test_the_hash_follows_from_identifier_and_key():
    assert keyed_hash("a", key=b"1") == keyed_hash("a", key=b"1") != keyed_hash("a", key=b"2")


def test_the_users_key_is_made_once_and_is_readable_by_the_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    privacy.user_key.cache_clear()
    first = privacy.user_key()
    privacy.user_key.cache_clear()
    assert privacy.user_key() == first
    assert stat.S_IMODE((tmp_path / ".config" / "cardiolens" / "hash.key").stat().st_mode) == 0o600
    privacy.user_key.cache_clear()


def test_what_is_hidden_already_is_not_hidden_again():
    with hiding_by(b"a"):
        shown = hide_participants("1234567.xml")
        assert "1345884" in shown  # seven digits in a row by chance
        assert hide_participants(shown) == shown


def test_a_key_holds_as_long_as_it_is_asked_for():
    with hiding_by(b"a"):
        inside = hide_participants("1234567")
        with hiding_by(None):
            assert hide_participants("1234567") != inside
        assert hide_participants("1234567") == inside == f"id-{keyed_hash('1234567', key=b'a', length=8)}"
    assert hide_participants("1234567") != inside


def test_the_one_person_whom_a_hidden_name_stands_for():
    one, other = (hide_participants(number) for number in ("1234567", "7654321"))
    assert hidden_participant(f"{one}/{one}_2.xml") == one
    for text in (f"{one}/{other}.xml", "ecg.xml", "id-0123456789"):
        assert hidden_participant(text) == ""


def test_a_command_names_a_relative_path_in_full_and_of_an_absolute_one_the_last_part():
    assert typed_path("out/demo") == "out/demo"
    assert typed_path("/some/where/demo") == "demo"
    assert typed_path("out/my demo") == "'out/my demo'"
    assert "1234567" not in typed_path("out/1234567")
