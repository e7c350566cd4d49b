from dataclasses import replace

import pytest
import torch

from cardiolens.batch import Batch, Share, cut


def _batch(rows):
    number = torch.arange(rows)
    return Batch(ecg=number[:, None, None].float(), ecg_scale=torch.ones(rows, 3), keys=number)


def _shares(batch, processes, parts):
    for rank in range(processes):
        share = Share(rank, processes)
        places = share.places(len(batch), parts=parts)
        own = replace(batch, ecg=batch.ecg[places], ecg_scale=batch.ecg_scale[places], keys=batch.keys[places])
        yield share, replace(own, whole=None if len(places) == len(batch) else len(batch))


@pytest.mark.parametrize("rows", [1, 2, 5, 8, 9, 13])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("parts", [1, 2, 4])
def test_processes_have_every_part_of_a_batch_together_in_order(rows, processes, parts):
    batch = _batch(rows)
    pieces = [list(share.pieces(own, parts=parts)) for share, own in _shares(batch, processes, parts)]
    for number, part in enumerate(cut(rows, parts)):
        wanted = batch.keys[part].tolist()
        of_each = [piece[number] for piece in pieces]
        assert {piece.num_together for piece in of_each} == {len(wanted)}
        if len(wanted) < processes or processes == 1:
            assert all(piece.keys.tolist() == wanted and piece.whole is None for piece in of_each)
        else:
            assert [key for piece in of_each for key in piece.keys.tolist()] == wanted
            assert [len(piece) for piece in of_each] == Share(0, processes).sizes(len(wanted))
    assert all(len(piece) == len(cut(rows, parts)) for piece in pieces)


def test_shares_differ_by_one_row_at_most():
    assert Share(0, 3).sizes(8) == [3, 3, 2]
    assert Share(0, 3).sizes(2) == [2, 2, 2], "too few to share: everyone has all"


def test_a_batch_on_another_device_keeps_what_it_is_a_share_of():
    moved = replace(_batch(2), whole=5).to(torch.device("cpu"))
    assert (moved.whole, moved.num_together) == (5, 5)
    assert moved.rows(slice(0, 1)).whole is None
