"""Progress in logs, on terminals and not at all."""

import io

import pytest

from cardiolens import progress as progress_module
from cardiolens.progress import QUIET, BarProgress, PlainProgress, terminal_progress


class _Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress_module.time, "monotonic", lambda: self.now)


def test_a_log_gets_one_line_per_note_with_the_time_left(monkeypatch):
    clock, log = _Clock(monkeypatch), io.StringIO()
    with PlainProgress(log).task("MDM", total=100, unit="steps") as task:
        clock.now += 10
        task.advance(20)
        task.note("epoch 1 of 5: train_loss 0.5")
    assert log.getvalue() == "MDM: epoch 1 of 5: train_loss 0.5, 40 s left\n"


def test_a_log_gets_a_line_every_half_minute_where_nothing_is_noted(monkeypatch):
    clock, log = _Clock(monkeypatch), io.StringIO()
    with PlainProgress(log).task("cohort", total=7200, unit="subjects") as task:
        for _ in range(70):
            clock.now += 1
            task.advance(1)
    assert log.getvalue().splitlines() == [
        "cohort: 30 of 7200 subjects, 1.0 subjects/s, 1 h 59 min left",
        "cohort: 60 of 7200 subjects, 1.0 subjects/s, 1 h 59 min left",
    ]


def test_what_an_earlier_process_did_counts_as_done_but_not_for_the_rate(monkeypatch):
    clock, log = _Clock(monkeypatch), io.StringIO()
    with PlainProgress(log).task("MDM", total=100, done=90) as task:
        task.note("resumed")
        clock.now += 5
        task.advance(5)
        task.note("going on")
    assert log.getvalue().splitlines() == ["MDM: resumed, time left unknown", "MDM: going on, 5 s left"]


def test_a_bar_ends_at_the_last_step_and_keeps_notes(capsys):
    with BarProgress().task("MDM", total=3) as task:
        for _ in range(3):
            task.advance()
        task.note("epoch 1 [bold]of[/bold] 1")
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "MDM: epoch 1 [bold]of[/bold] 1" in shown


def test_a_bar_is_gone_when_the_work_fails(capsys):
    with pytest.raises(KeyError), BarProgress().task("MDM", total=3):
        raise KeyError
    with BarProgress().task("again", total=1) as task:
        task.advance()
    assert "again" in capsys.readouterr().err


def test_quiet_is_quiet(capsys):
    with QUIET.task("MDM", total=3) as task:
        task.advance()
        task.note("epoch")
    assert capsys.readouterr() == ("", "")


def test_a_file_gets_lines_and_a_terminal_a_bar(monkeypatch):
    assert isinstance(terminal_progress(), PlainProgress)
    monkeypatch.setattr(progress_module.sys.stderr, "isatty", lambda: True)
    assert isinstance(terminal_progress(), BarProgress)


def test_slow_work_says_how_long_each_takes(monkeypatch):
    from cardiolens import progress

    now = iter([0.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    rate = progress._Rate(10, 0, "subjects")
    rate.advance(2)
    assert rate.rate_text() == "10.0 s each"
