import math
import os
import signal

import pytest

from cardiolens import cluster
from cardiolens.cluster import map_on_cluster
from cardiolens.errors import BadOption, CardiolensError
from cardiolens.parallel import Workers
from dask_cluster import dask_cluster, slow


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("dask")) as (address, _):
        yield address


def test_results_come_in_the_order_of_the_items(address):
    workers = Workers(scheduler=address)
    assert list(workers.map(math.sqrt, [9.0, 4.0, 1.0, 16.0], count=4)) == [3, 2, 1, 4]


def test_an_error_is_raised_where_its_result_would_have_come(address):
    results = map_on_cluster(math.sqrt, [4.0, -1.0], address=address)
    assert next(results) == 2
    with pytest.raises(ValueError, match="math domain error"):
        next(results)


def test_items_are_read_only_as_far_as_the_work_has_come(address):
    read = []
    results = map_on_cluster(math.sqrt, (read.append(n) or float(n) for n in range(100)), address=address)
    next(results)
    assert len(read) <= 5
    results.close()


def test_a_worker_of_another_version_is_said(address, monkeypatch):
    monkeypatch.setattr(cluster, "version", lambda name: "0.0.1")
    with pytest.raises(CardiolensError, match=r"a worker has cardiolens .*, this process 0\.0\.1"):
        list(map_on_cluster(math.sqrt, [1.0], address=address))


def test_nobody_at_the_address_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(cluster, "_SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(BadOption, match=r"--scheduler: found no answer from workers at tcp://127\.0\.0\.1:9"):
        list(map_on_cluster(math.sqrt, [1.0], address="tcp://127.0.0.1:9"))


def test_what_a_killed_worker_had_to_do_is_done_by_others(tmp_path):
    with dask_cluster(tmp_path) as (address, workers):
        results = map_on_cluster(slow, range(12), address=address)
        first = next(results)
        os.kill(workers[0].pid, signal.SIGKILL)
        assert [first, *results] == list(range(12))
