import threading
import time

import numpy as np
import pytest
import torch

from cardiolens.cohorts.gather import PREFETCH, Resident, Streaming

CPU = torch.device("cpu")
ROWS = np.array([9, 2, 4, 7])
ARRAYS = {"small": np.arange(10, dtype=np.uint8), "wide": np.arange(40, dtype=np.float16).reshape(10, 4)}


def _places(*batches):
    return [np.array(places) for places in batches]


@pytest.mark.parametrize("gather", [Resident, Streaming])
def test_places_count_among_the_rows_in_use_and_types_stay(gather):
    batches = list(gather(ARRAYS, ROWS, CPU).batches(_places([0, 3], [1])))
    assert [batch["small"].tolist() for batch in batches] == [[9, 7], [2]]
    assert batches[1]["wide"].tolist() == [[8, 9, 10, 11]]
    assert (batches[0]["small"].dtype, batches[0]["wide"].dtype) == (torch.uint8, torch.float16)


def test_reading_ahead_is_bounded(monkeypatch):
    taken = []
    real = np.take

    def counted(*arguments, **options):
        taken.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr("cardiolens.cohorts.gather.np.take", counted)
    batches = Streaming({"small": ARRAYS["small"]}, ROWS, CPU).batches(_places(*[[0]] * 50))
    next(batches)
    time.sleep(0.2)
    # One is with the consumer, PREFETCH wait, one is in the reader's hand.
    assert len(taken) <= PREFETCH + 2
    batches.close()


def test_an_epoch_that_is_never_begun_starts_no_thread():
    before = threading.active_count()
    Streaming(ARRAYS, ROWS, CPU).batches(_places([0])).close()
    assert threading.active_count() == before
