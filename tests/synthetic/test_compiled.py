"""Loops compile with and without a folder to keep them in."""

import numpy as np

from cardiolens.synthetic import compiled as module


def test_a_loop_runs_as_written():
    @module.compiled
    def total(values):
        found = 0.0
        for value in values:
            found += value
        return found

    assert total(np.arange(5.0)) == 10.0


def test_where_nothing_can_be_written_each_process_compiles_for_itself(monkeypatch):
    asked = []

    def njit(loop=None, **options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return loop

    monkeypatch.setattr(module, "njit", njit)
    assert module.compiled(len) is len
    assert asked == [{"cache": True}, {}]
