"""Archives are unpacked within bounds, and what lies beyond them is said."""

import gzip
import io
import tarfile
import zipfile

import pytest
from planted_files import NUMBER, zip_bytes

from cardiolens.cohorts.audit import archives
from cardiolens.cohorts.audit.folder import audit

LINE = f"{NUMBER}\n".encode()


@pytest.fixture
def unpacked(monkeypatch):
    """Sizes of what is unpacked, as it is searched."""
    sizes = []
    target = archives._target

    def note(folder, name):
        path = target(folder, name)
        sizes.append(path)
        return path

    monkeypatch.setattr(archives, "_target", note)
    return sizes


def test_a_member_that_unpacks_to_too_much_is_not_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_bytes({"zeros.txt": bytes(64 << 20), "b.txt": LINE}))
    report = audit([tmp_path])
    assert [found.place for found in report.findings] == ["member b.txt: line 1"]
    assert "member zeros.txt: found" in report.notes[0]
    assert "not searched" in report.notes[0]


def test_archives_in_archives_end_at_a_depth(tmp_path):
    content = zip_bytes({"a.txt": LINE})
    for depth in range(5):
        content = zip_bytes({f"{depth}.zip": content})
    (tmp_path / "a.zip").write_bytes(content)
    report = audit([tmp_path])
    assert not report.findings
    assert "archives more than 2 deep" in report.notes[0]


def test_members_beyond_the_bounds_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    (tmp_path / "a.zip").write_bytes(zip_bytes({"a.txt": b"", "b.txt": b"", "c.txt": LINE}))
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for name in ("a.txt", "b.txt", "c.txt"):
            archive.addfile(tarfile.TarInfo(name))
    report = audit([tmp_path])
    assert not report.findings
    assert "1 members beyond the first 2" in report.notes[0]
    assert "members from number 3 on" in report.notes[1]


def test_an_archive_is_unpacked_to_so_many_bytes_together(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES_TOGETHER", 12)
    (tmp_path / "a.zip").write_bytes(zip_bytes({"a.txt": LINE, "b.txt": LINE}))
    report = audit([tmp_path])
    assert [found.place for found in report.findings] == ["member a.txt: line 1"]
    assert "member b.txt: found a member of 8 bytes" in report.notes[0]


@pytest.mark.parametrize("inner", ["a.txt", "a.csv"])
def test_a_packed_file_is_unpacked_to_its_bound_only(tmp_path, monkeypatch, inner):
    monkeypatch.setattr(archives, "_RATIO_FROM_BYTES", 1 << 20)
    (tmp_path / f"{inner}.gz").write_bytes(gzip.compress(LINE * 2 + bytes(64 << 20) + LINE))
    report = audit([tmp_path], participants=[NUMBER])
    assert report.num_certain == 2
    assert "only the first" in report.notes[0]


def test_a_tape_archive_that_promises_too_much_is_not_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_RATIO_FROM_BYTES", 1 << 20)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, content in (("a.txt", LINE), ("zeros", bytes(64 << 20)), ("b.txt", LINE)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    report = audit([tmp_path])
    assert [found.place for found in report.findings] == ["member a.txt: line 1"]
    assert "from number 2 on" in report.notes[0]


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "a/b/../../../evil.csv"])
def test_a_member_is_never_written_where_its_name_leads(tmp_path, unpacked, name):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(LINE)
        archive.addfile(member, io.BytesIO(LINE))
    before = set(tmp_path.parent.rglob("*"))
    assert audit([tmp_path]).findings
    assert set(tmp_path.parent.rglob("*")) == before
    assert {path.stem for path in unpacked} == {"member"}
    assert not any(path.exists() for path in unpacked)


def test_a_link_in_a_tape_archive_is_not_followed(tmp_path):
    (tmp_path / "secret.txt").write_text("nobody")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{NUMBER}.txt"
        archive.addfile(link)
    assert not audit([tmp_path / "a.tar"]).notes


def test_an_encrypted_member_is_said(tmp_path):
    content = bytearray(zip_bytes({"a.txt": LINE}))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.start_dir
    content[6] |= 1
    content[start + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(content))
    report = audit([tmp_path])
    assert not report.findings
    assert "encrypted" in report.notes[0]
