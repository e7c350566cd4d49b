"""A folder is searched whole, nothing outside it is, and whatever was not searched is said."""

import os
from pathlib import Path

import pytest
from planted_files import NUMBER, OTHER

from cardiolens.cohorts.audit.finding import MOST_PLACES, Finding, Findings, Kind, masked
from cardiolens.cohorts.audit.folder import audit
from cardiolens.errors import BadInput


def test_no_link_is_followed_out_of_the_folder(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "a.txt").write_text(NUMBER)
    (inside / "file").symlink_to(outside / "a.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    report = audit([inside])
    assert (report.num_files, report.findings) == (0, ())
    assert report.notes == ("inside/: 3 links not followed",)


def test_a_link_that_the_user_names_is_searched(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.txt").write_text(NUMBER)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert audit([tmp_path / "link"]).findings[0].file == "link/a.txt"


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert audit([tmp_path]).notes == (f"{tmp_path.name}/pipe: neither file nor folder; not searched",)


def test_the_history_of_a_repository_is_said_not_to_be_searched(tmp_path):
    git = tmp_path / ".git"
    (git / "objects" / "ab").mkdir(parents=True)
    (git / "refs").mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "objects" / "ab" / "cdef").write_text(NUMBER)
    (git / "config").write_text(f"name = {NUMBER}\n")
    report = audit([tmp_path])
    assert [found.file for found in report.findings] == [f"{tmp_path.name}/.git/config"]
    assert "history" in report.notes[0]
    assert "git log" in report.notes[0]


def test_an_environment_of_packages_is_left_out_and_that_is_said(tmp_path):
    (tmp_path / ".venv" / "lib").mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (tmp_path / ".venv" / "lib" / "a.py").write_text(NUMBER)
    report = audit([tmp_path])
    assert not report.findings
    assert report.notes == (f"{tmp_path.name}/.venv/: an environment of installed packages (pyvenv.cfg); not searched",)


def test_a_file_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(NUMBER)
    opened = Path.open

    def refuse(path: Path, *arguments, **named):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    report = audit([tmp_path])
    assert report.notes == (f"{tmp_path.name}/a.txt: cannot be read (Permission denied); not searched",)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert audit([tmp_path]).notes == (
        f"{tmp_path.name}/closed/: a folder that cannot be read (Permission denied); not searched",
    )


def test_a_damaged_file_is_said_and_searched_as_text(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1\0\0 " + NUMBER.encode() + b" \0 cut off")
    report = audit([tmp_path], participants=[NUMBER])
    assert [(found.place, found.certain) for found in report.findings] == [("byte 7", True)]
    assert "searched as plain text only" in report.notes[0]


def test_of_many_places_in_a_file_the_first_are_told_and_all_are_counted(tmp_path):
    (tmp_path / "a.log").write_text(f"{OTHER}\n" * (MOST_PLACES + 5) + f"{NUMBER}\n")
    report = audit([tmp_path], participants=[NUMBER])
    certain = [found for found in report.findings if found.certain]
    assert [found.place for found in certain] == [f"line {MOST_PLACES + 6}"]
    assert report.findings[0] == certain[0]
    assert len(report.findings) == MOST_PLACES + 1
    assert report.left_out == {f"{tmp_path.name}/a.log": 5}
    assert (report.num_certain, report.num_possible, report.num_found_files) == (1, MOST_PLACES + 5, 1)


def test_a_file_is_searched_by_itself(tmp_path):
    (tmp_path / "a.txt").write_text(NUMBER)
    report = audit([tmp_path / "a.txt"])
    assert (report.num_files, report.num_bytes, report.findings[0].file) == (1, 7, "a.txt")


def test_names_that_a_terminal_would_obey_are_shown_harmless(tmp_path):
    (tmp_path / "a\x1b[31m.csv").write_text(f"key\x1b[0m\n{NUMBER}\n")
    [found] = audit([tmp_path]).findings
    assert (found.file + found.place).isprintable()


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="check the path"):
        audit([tmp_path / "missing"])


def test_a_mask_shows_little_of_little():
    assert [masked(value) for value in ("1234567", "Ng", "1951", "Montgomery-Smith")] == [
        "12*****",
        "**",
        "1***",
        "Mo**********",
    ]


def test_the_same_place_is_kept_once():
    findings = Findings()
    for count in (1, 2):
        finding = Finding("a.csv", "column eid", Kind.PARTICIPANT, False, "12*****", count)
        findings.add("column eid", Kind.PARTICIPANT, lambda finding=finding: finding, certain=False, count=count)
    assert [found.count for found in findings.kept()] == [3]


def test_progress_reaches_its_total_and_moves_within_a_long_file(tmp_path, monkeypatch):
    from contextlib import contextmanager

    from cardiolens.progress import Progress, QuietProgress

    class Told(QuietProgress):
        @contextmanager
        def task(self, title, *, total, done=0, unit="steps"):
            self.total, self.steps = total, []
            with super().task(title, total=total, unit=unit) as task:
                monkeypatch.setattr(task, "advance", lambda count=1: self.steps.append(count), raising=False)
                yield task

    (tmp_path / "a.log").write_bytes(b"nobody here\n" * 300_000)
    (tmp_path / "b.bin").write_bytes(bytes(700_000))
    told: Progress = Told()
    audit([tmp_path], progress=told)
    assert sum(told.steps) == told.total == 4
    assert sum(step > 0 for step in told.steps) >= 3
