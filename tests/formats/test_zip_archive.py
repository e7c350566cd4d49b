import multiprocessing
import stat
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats import zip_archive
from cardiolens.formats.zip_archive import is_zip, open_zip

MOST = 1 << 30


def _zip(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _refusal(path: Path, name: str, most_bytes: int = MOST) -> str:
    with pytest.raises(BadRecording) as refusal:
        open_zip(path).extract(name, path.parent / "out", most_bytes)
    return str(refusal.value)


def _patched(path: Path, *, central: int, local: int | None, value: int) -> Path:
    """Sets a 16-bit field of the one member, at these places in its central and its local header."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + central, value)
    if local is not None:
        struct.pack_into("<H", content, local, value)
    path.write_bytes(content)
    return path


def test_a_member_is_unpacked_as_it_was_packed(tmp_path):
    content = np.random.default_rng(0).bytes(700_000)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = _zip(tmp_path, {"deep/down/r.dat": content}, compression)
        assert is_zip(path)
        assert open_zip(path).extract("deep/down/r.dat", tmp_path / "out", MOST) == len(content)
        assert (tmp_path / "out").read_bytes() == content


def test_names_are_in_order_without_folders_and_hidden_ones(tmp_path):
    members = ("b/2.xml", "b/1.xml", "a.xml", "c/", ".git/x", "b/.hidden", "__MACOSX/b/._1.xml", "../up.xml")
    archive = open_zip(_zip(tmp_path, dict.fromkeys(members, b"x")))
    assert archive.names == ("../up.xml", "a.xml", "b/1.xml", "b/2.xml")
    assert "b/.hidden" in archive
    assert "b/3.xml" not in archive


@pytest.mark.parametrize("name", ["../r.xml", "a/../../r.xml", "/etc/r.xml", "a\\r.xml", "C:r.xml", "a\x1b.xml", "x" * 256])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    assert "found a member whose name leads elsewhere" in _refusal(_zip(tmp_path, {name: b"x"}), name)
    assert not (tmp_path / "out").exists()


def test_a_link_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("r.dat")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "found a link" in _refusal(path, "r.dat")


def test_an_encrypted_member_is_refused(tmp_path):
    path = _patched(_zip(tmp_path, {"r.xml": b"x"}), central=8, local=6, value=1)
    assert "found an encrypted member" in _refusal(path, "r.xml")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_cannot_be_bounded_are_refused(tmp_path, compression):
    path = _zip(tmp_path, {"r.xml": b"x" * 99}, compression)
    assert f"found a member of compression {compression}" in _refusal(path, "r.xml")


def test_a_bomb_is_refused_by_its_size_and_by_its_ratio(tmp_path):
    path = _zip(tmp_path, {"zeros": bytes(3 << 20), "few": bytes(1 << 20)})
    assert "found a member of 3145728 bytes" in _refusal(path, "zeros", (3 << 20) - 1)
    assert "bytes that unpack to 3145728" in _refusal(path, "zeros")
    assert not (tmp_path / "out").exists()
    assert open_zip(path).extract("few", tmp_path / "out", MOST) == 1 << 20


def test_a_member_that_is_longer_than_it_declares_is_refused_before_it_is_written(tmp_path):
    path = _zip(tmp_path, {"r.xml": bytes(60_000)})
    _patched(path, central=24, local=22, value=10)
    assert "found a member that cannot be unpacked (BadZipFile)" in _refusal(path, "r.xml")
    assert (tmp_path / "out").stat().st_size <= 10


def test_a_member_whose_bytes_are_damaged_is_refused_and_the_others_are_not(tmp_path):
    path = _zip(tmp_path, {"r.xml": b"x" * 999, "s.xml": b"y"}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"x" * 999, b"x" * 998 + b"z"))
    assert "cannot be unpacked (BadZipFile)" in _refusal(path, "r.xml")
    assert open_zip(path).extract("s.xml", tmp_path / "out", MOST) == 1


def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("r.xml", b"x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("r.xml", b"y")
    assert open_zip(path).names == ("r.xml",)
    assert "found two members of this name" in _refusal(path, "r.xml")


def test_a_member_that_is_not_there_is_refused(tmp_path):
    assert "found no such member" in _refusal(_zip(tmp_path, {"r.xml": b"x"}), "s.xml")


def test_an_archive_that_is_cut_off_is_refused(tmp_path):
    path = _zip(tmp_path, {"r.xml": b"x" * 999})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadRecording, match=r"a\.zip: found a broken zip \(BadZipFile\)"):
        open_zip(path)


def test_too_many_members_are_refused_before_they_are_listed(tmp_path, monkeypatch):
    path = _zip(tmp_path, {f"{number}.xml": b"" for number in range(50)})
    monkeypatch.setattr(zip_archive, "MOST_MEMBERS", 49)
    with pytest.raises(BadRecording, match="found 50 members; expected 49 at most"):
        open_zip(path)
    monkeypatch.setattr(zip_archive, "_MOST_DIRECTORY_BYTES", 50 * 50)
    with pytest.raises(BadRecording, match="found more members than can be listed"):
        open_zip(path)


def test_an_archive_is_opened_once_until_it_changes(tmp_path):
    path = _zip(tmp_path, {"r.xml": b"x"})
    first = open_zip(path)
    assert open_zip(path) is first
    _zip(tmp_path, {"r.xml": b"x", "s.xml": b"y"})
    assert open_zip(path).names == ("r.xml", "s.xml")


def _same_opening(path: Path, number: int, answers) -> None:
    answers.put(id(open_zip(path)) == number)


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_process_opens_the_archive_for_itself(tmp_path):
    path = _zip(tmp_path, {"r.xml": b"x"})
    forks = multiprocessing.get_context("fork")
    answers = forks.Queue()
    child = forks.Process(target=_same_opening, args=(path, id(open_zip(path)), answers))
    child.start()
    assert answers.get(timeout=60) is False
    child.join()


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("a.npz", {"x.npy": b"x"}),
        ("a.bin", {"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}),
        ("a.bin", {"mimetype": b"x", "content.xml": b"x"}),
    ],
)
def test_documents_that_are_archives_are_another_kind(tmp_path, name, members):
    path = _zip(tmp_path, members).rename(tmp_path / name)
    assert open_zip(path).is_other_kind
    assert not open_zip(_zip(tmp_path, {"x.npy": b"x"})).is_other_kind


def test_other_files_are_no_archive(tmp_path):
    path = tmp_path / "a.zip"
    for content in (b"", b"PK\x05\x06" + bytes(18), b"<xml/>"):
        path.write_bytes(content)
        assert not is_zip(path)
