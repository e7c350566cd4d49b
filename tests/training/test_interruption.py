import signal
import threading

import pytest

from cardiolens.training.interruption import Interruption


def test_the_first_signal_waits_and_the_second_acts_at_once():
    with Interruption() as interruption:
        assert not interruption.requested()
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_sigterm_may_come_from_several_and_means_no_more():
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SystemExit, match="143"):
            interruption.act()


def test_a_signal_that_nobody_acted_on_acts_on_leaving():
    interruption = Interruption()
    interruption.__enter__()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interruption.__exit__(None, None, None)


def test_an_error_comes_before_a_signal_that_nobody_acted_on():
    interruption = Interruption()
    interruption.__enter__()
    signal.raise_signal(signal.SIGINT)
    interruption.__exit__(ValueError, ValueError("worse"), None)


def test_afterwards_signals_act_as_before():
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert not interruption.requested()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_trains_without_signals():
    seen = []

    def enter():
        with Interruption() as interruption:
            seen.append(interruption.requested())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [False]
