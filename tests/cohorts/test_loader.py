import dataclasses
import mmap
import threading
from dataclasses import fields

import numpy as np
import pytest
import torch
from fake_rows import fake_cohort
from torch.testing import assert_close

from cardiolens.batch import Share
from cardiolens.cohorts.gather import byte_ranges, mapping_of
from cardiolens.cohorts.loader import RESIDENT_BYTES, Loader, device_budget
from cardiolens.errors import BadOption

ON_DISK = 0
"""A budget into which nothing fits."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return fake_cohort(tmp_path_factory.mktemp("loader") / "cohort")


def _loader(cohort, **options):
    options = {"rows": cohort.rows("all"), "batch_size": 7, "seed": 3} | options
    return Loader(cohort, options.pop("rows"), **options)


def _assert_same(batch, other):
    for field in fields(batch):
        one, two = getattr(batch, field.name), getattr(other, field.name)
        assert (one is None) == (two is None)
        if one is not None:
            assert_close(one, two, rtol=0, atol=0, equal_nan=True)


def _readers():
    return [thread for thread in threading.enumerate() if thread.name == "cohort reader"]


def test_resident_and_streaming_give_the_same_batches(cohort):
    options = {"columns": ("cad", "lvm_g"), "images": True}
    resident, streaming = _loader(cohort, **options), _loader(cohort, **options, resident_bytes=ON_DISK)
    assert resident.resident
    assert not streaming.resident
    pairs = list(zip(resident.epoch(2, shuffle=True), streaming.epoch(2, shuffle=True), strict=True))
    assert len(pairs) == len(resident) == len(streaming) == 8
    for one, other in pairs:
        _assert_same(one, other)


def test_the_system_is_told_of_the_bytes_of_the_rows_that_are_read(cohort):
    rows = np.array([5, 79, 0])
    for array in (cohort.ecg, cohort.cmr[3:]):
        mapping = mapping_of(array)
        there = rows.clip(max=len(array) - 1)
        for row, (start, length) in zip(there, byte_ranges(array, there, mapping), strict=True):
            assert start % mmap.PAGESIZE == 0
            assert mapping[start : start + length].endswith(array[row].tobytes())
    assert mapping_of(np.zeros(3)) is None
    assert mapping_of(np.zeros((3, 2))[1:]) is None


def test_another_seed_shares_the_arrays_and_gives_what_its_own_loader_would(cohort):
    loader = _loader(cohort, columns=("cad",))
    other = loader.with_seed(4)
    its_own = _loader(cohort, columns=("cad",), seed=4)
    for one, its in zip(other.epoch(1, shuffle=True), its_own.epoch(1, shuffle=True), strict=True):
        _assert_same(one, its)
    assert other._gather is loader._gather
    assert (next(loader.epoch(1, shuffle=True)).keys != next(other.epoch(1, shuffle=True)).keys).all()


def test_batches_hold_what_the_cohort_holds(cohort):
    rows = cohort.rows("test")
    loader = _loader(cohort, rows=rows, columns=("cad", "lvm_g"), batch_size=4)
    batches = list(loader.epoch(0, shuffle=False))
    assert sum(map(len, batches)) == len(rows)
    values = cohort.values(["cad", "lvm_g"])[rows].astype(np.float32)
    assert_close(torch.cat([b.ecg for b in batches]).numpy(), cohort.ecg[rows].astype(np.float32), rtol=0, atol=0)
    assert_close(torch.cat([b.ecg_scale for b in batches]).numpy(), cohort.ecg_scale[rows], rtol=0, atol=0)
    assert (torch.cat([b.target_known for b in batches]).numpy() == ~np.isnan(values)).all()
    assert_close(torch.cat([b.target for b in batches]).numpy(), np.nan_to_num(values), rtol=0, atol=0)
    assert all(b.cmr is None for b in batches)


def test_images_leave_out_rows_without_mri_and_lie_between_0_and_1(cohort):
    loader = _loader(cohort, images=True)
    assert (loader.rows % 3 > 0).all()
    cmr = torch.cat([batch.cmr for batch in loader.epoch(0, shuffle=False)])
    assert_close(cmr.numpy(), cohort.cmr[loader.rows].astype(np.float32) / 255, rtol=0, atol=0)
    assert all(batch.cmr_known.all() for batch in loader.epoch(0, shuffle=False))


def test_volumes_and_cine_come_beside_the_picture_where_the_cohort_has_them(cohort):
    random = np.random.default_rng(0)
    with_both = dataclasses.replace(
        cohort,
        cmr_volumes=random.integers(0, 256, (80, 2, 3, 5, 5), dtype=np.uint8),
        cmr_cine=random.integers(0, 256, (80, 6, 5, 5), dtype=np.uint8),
    )
    loader = _loader(with_both, images=True, volumes=True, cine=True)
    batches = list(loader.epoch(0, shuffle=False))
    for name in ("cmr_volumes", "cmr_cine"):
        shown = torch.cat([getattr(batch, name) for batch in batches])
        assert_close(shown.numpy(), getattr(with_both, name)[loader.rows].astype(np.float32) / 255, rtol=0, atol=0)
    only_cine = next(_loader(with_both, cine=True).epoch(0, shuffle=False))
    assert only_cine.cmr is None
    assert only_cine.cmr_volumes is None
    with pytest.raises(BadOption, match=r"no cmr_volumes\.npy"):
        _loader(cohort, volumes=True)


def _subjects_in_order(loader, epoch, **options):
    return torch.cat([batch.ecg[:, 0, 0] for batch in loader.epoch(epoch, shuffle=True, **options)])


def test_the_order_follows_from_seed_and_epoch_alone(cohort):
    order = _subjects_in_order(_loader(cohort), 1)
    assert (order == _subjects_in_order(_loader(cohort, batch_size=11), 1)).all()
    assert (order != _subjects_in_order(_loader(cohort), 2)).any()
    assert (order != _subjects_in_order(_loader(cohort, seed=4), 1)).any()
    assert (order.sort().values == torch.from_numpy(cohort.ecg[:, 0, 0].astype(np.float32)).sort().values).all()


def test_keys_of_a_subject_depend_on_neither_batch_nor_neighbours(cohort):
    def keys(loader):
        batches = list(loader.epoch(5, shuffle=True))
        subject = torch.cat([batch.ecg.sum(dim=(1, 2)) for batch in batches]).tolist()
        return dict(zip(subject, torch.cat([batch.keys for batch in batches]).tolist(), strict=True))

    all_rows, few_rows = keys(_loader(cohort)), keys(_loader(cohort, rows=cohort.rows("train"), batch_size=3))
    assert few_rows.items() <= all_rows.items()
    assert len(set(all_rows.values())) == 80


@pytest.mark.parametrize("resident_bytes", [1 << 20, ON_DISK])
def test_an_epoch_goes_on_from_any_batch(cohort, resident_bytes):
    loader = _loader(cohort, columns=("cad",), resident_bytes=resident_bytes)
    whole = list(loader.epoch(1, shuffle=True))
    rest = list(loader.epoch(1, shuffle=True, start_batch=9))
    assert len(rest) == len(whole) - 9
    for one, other in zip(whole[9:], rest, strict=True):
        _assert_same(one, other)
    assert list(loader.epoch(1, shuffle=True, start_batch=len(loader))) == []


def test_the_last_batch_is_smaller_or_left_out(cohort):
    assert [len(batch) for batch in _loader(cohort, batch_size=32).epoch(0, shuffle=True)] == [32, 32, 16]
    dropping = _loader(cohort, batch_size=32, drop_last=True)
    assert [len(batch) for batch in dropping.epoch(0, shuffle=True)] == [32, 32]
    assert len(dropping) == 2


def test_closing_early_ends_the_thread(cohort):
    batches = _loader(cohort, batch_size=1, resident_bytes=ON_DISK).epoch(0, shuffle=True)
    next(batches)
    assert _readers()
    batches.close()
    assert not _readers()


def test_an_error_in_the_thread_reaches_the_caller(cohort, monkeypatch):
    loader = _loader(cohort, resident_bytes=ON_DISK)

    def broken(array, rows, axis):
        raise OSError("the disk went away")

    monkeypatch.setattr("cardiolens.cohorts.gather.np.take", broken)
    with pytest.raises(OSError, match="the disk went away"):
        list(loader.epoch(0, shuffle=True))
    assert not _readers()


def test_too_few_subjects_for_one_batch_is_an_error(cohort):
    with pytest.raises(BadOption, match="80 subjects for batches of 81; expected at least one whole batch"):
        _loader(cohort, batch_size=81, drop_last=True)
    with pytest.raises(BadOption, match="0 subjects with MRI"):
        _loader(cohort, rows=np.array([0, 3]), images=True)
    with pytest.raises(BadOption, match="batches of 0"):
        _loader(cohort, batch_size=0)


def test_an_unknown_target_is_refused(cohort):
    with pytest.raises(BadOption, match="no column cat"):
        _loader(cohort, columns=("cat",))


def test_the_budget_of_a_processor_is_fixed_so_that_a_run_is_the_same_on_every_machine():
    assert device_budget("cpu") == device_budget(torch.device("cpu")) == RESIDENT_BYTES


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gets_the_same_numbers_from_both(cohort):
    options = {"columns": ("cad",), "images": True, "device": "cuda"}
    for one, other in zip(
        _loader(cohort, **options).epoch(0, shuffle=True),
        _loader(cohort, **options, resident_bytes=ON_DISK).epoch(0, shuffle=True),
        strict=True,
    ):
        assert one.ecg.is_cuda
        _assert_same(one, other)


@pytest.mark.parametrize("parts", [1, 3])
def test_processes_read_their_shares_of_the_same_batches(cohort, parts):
    def batches(share, start_batch=0):
        rows = cohort.rows("all")[:22]
        loader = _loader(cohort, rows=rows, batch_size=8, share=share, parts=parts)
        return list(loader.epoch(1, shuffle=True, start_batch=start_batch))

    whole, halves = batches(Share()), [batches(Share(rank, 2)) for rank in (0, 1)]
    assert len(whole) == 3
    for batch, *both in zip(whole, *halves, strict=True):
        assert batch.whole is None
        assert [half.whole for half in both] == [len(batch)] * 2
        pieces = zip(*(Share(rank, 2).pieces(half, parts=parts) for rank, half in enumerate(both)), strict=True)
        in_order = [piece for of_part in pieces for piece in of_part]
        for name in ("keys", "ecg", "ecg_scale"):
            assert torch.equal(torch.cat([getattr(piece, name) for piece in in_order]), getattr(batch, name))
    assert batches(Share(), start_batch=3) == []
