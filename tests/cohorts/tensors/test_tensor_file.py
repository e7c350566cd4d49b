import os
import pickle
import zipfile

import pytest
import torch

from cardiolens.cohorts.tensors.tensor_file import fingerprint, is_plain, load_tensors
from cardiolens.errors import BadInput


class _Writes:
    """A pickle of this makes a folder when it is loaded by a loader that trusts it."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


@pytest.fixture(params=["archive", "old format", "bare pickle"])
def hostile(request, tmp_path):
    path, target = tmp_path / "hostile.pt", tmp_path / "written"
    if request.param == "bare pickle":
        path.write_bytes(pickle.dumps(_Writes(target)))
    else:
        torch.save([_Writes(target)], path, _use_new_zipfile_serialization=request.param == "archive")
    return path, target


def test_a_hostile_pickle_would_run_where_it_is_trusted(hostile):
    path, target = hostile
    with path.open("rb") as file:
        if path.read_bytes()[:2] == b"PK":
            torch.load(file, weights_only=False)
        else:
            # The old format opens with three pickles of its own.
            while not target.exists():
                pickle.load(file)
    assert target.exists()


def test_a_hostile_pickle_is_refused_and_runs_nothing(hostile):
    path, target = hostile
    with pytest.raises(BadInput, match=r"^hostile.pt: found a (pickle that asks for|file that does not load)"):
        load_tensors(path)
    assert not target.exists()


def test_what_a_pickle_asks_for_is_named(tmp_path):
    torch.save([_Writes(tmp_path / "written")], tmp_path / "hostile.pt")
    with pytest.raises(BadInput, match=r"posix.mkdir; expected tensors, lists and numbers alone"):
        load_tensors(tmp_path / "hostile.pt")


@pytest.mark.parametrize("new", [True, False])
def test_tensors_lists_and_pairs_come_back_from_both_formats(tmp_path, new):
    value = [("ecg", torch.arange(6.0).reshape(2, 3)), 4, [0, 1]]
    torch.save(value, tmp_path / "file.pt", _use_new_zipfile_serialization=new)
    loaded = load_tensors(tmp_path / "file.pt")
    assert loaded[0][0] == "ecg"
    assert torch.equal(loaded[0][1], value[0][1])
    assert loaded[1:] == value[1:]


def test_a_file_that_is_cut_short_compressed_or_none_is_refused_in_one_line(tmp_path):
    torch.save(torch.zeros(1000), tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:-900])
    (tmp_path / "text.pt").write_text("eid,label\n")
    (tmp_path / "empty.pt").touch()
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as old,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    for name in ("cut", "text", "empty", "packed", "absent"):
        with pytest.raises(BadInput, match=rf"^{name}.pt: found ") as caught:
            load_tensors(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)


def test_a_tensor_that_claims_more_than_it_holds_is_not_plain(tmp_path):
    torch.save(torch.zeros(1).expand(10**9), tmp_path / "claim.pt")
    assert not is_plain(load_tensors(tmp_path / "claim.pt"))
    assert is_plain(torch.zeros(4)[1:])
    assert not is_plain(torch.zeros(4, device="meta"))
    assert not is_plain(torch.zeros(4).to_sparse())


@pytest.mark.parametrize("new", [True, False])
def test_the_fingerprint_follows_the_content_and_nothing_else(tmp_path, new):
    def of(name, value):
        torch.save(value, tmp_path / name, _use_new_zipfile_serialization=new)
        return fingerprint(tmp_path / name)

    zeros, other = torch.zeros(1000), torch.zeros(1000)
    other[999] = 1e-30
    assert of("a.pt", zeros) == of("a.pt", zeros) != of("a.pt", other)
