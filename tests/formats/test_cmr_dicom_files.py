import zipfile

import pytest

from cardiolens.errors import BadImage
from cardiolens.formats.cmr import dicom_files
from cardiolens.formats.cmr.dicom_files import folders_below, of_one_examination


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_folder_is_walked_without_hidden_files_and_links(tmp_path):
    for name in ("b/2", "b/1", "a/x/3", ".git/x", "__MACOSX/y", "a/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "b" / "link").symlink_to(tmp_path / "a" / "x" / "3")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    with dicom_files.dicom_files(tmp_path) as found:
        assert [file.relative_to(tmp_path).as_posix() for file in found.files] == ["a/x/3", "b/1", "b/2"]
    assert [folder.name for folder, _ in folders_below(tmp_path)][1:] == ["a", "x", "b"]


def test_members_are_unpacked_under_names_of_our_own_and_gone_afterwards(tmp_path):
    with dicom_files.dicom_files(_zip(tmp_path / "a.zip", {"deep/a": b"1", "../up": b"2", "b": b"3"})) as found:
        files = found.files
        assert sorted(file.read_bytes() for file in files) == [b"1", b"3"]
        assert all(file.name.isdigit() for file in files)
        assert found.refused == ("a member whose name leads elsewhere",)
    assert not any(file.exists() for file in files)


def test_too_many_files_and_too_many_bytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "MOST_FILES", 3)
    path = _zip(tmp_path / "a.zip", {str(k): b"x" * 100 for k in range(3)})
    assert len(of_one_examination("a", [path] * 3)) == 3
    with pytest.raises(BadImage, match="more than 3 files"):
        of_one_examination("a", [path] * 4)
    monkeypatch.setattr(dicom_files, "MOST_UNPACKED_BYTES", 300)
    with dicom_files.dicom_files(path) as found:
        assert len(found.files) == 3
    monkeypatch.setattr(dicom_files, "MOST_UNPACKED_BYTES", 299)
    with pytest.raises(BadImage, match="GiB when unpacked"), dicom_files.dicom_files(path):
        pass
    many = _zip(tmp_path / "b.zip", {str(k): b"x" for k in range(4)})
    with pytest.raises(BadImage, match="found 4 members"), dicom_files.dicom_files(many):
        pass


def test_a_broken_zip_is_refused_as_an_image(tmp_path):
    path = _zip(tmp_path / "a.zip", {"a": b"x" * 1000})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(BadImage, match=r"a\.zip: found a broken zip"), dicom_files.dicom_files(path):
        pass
