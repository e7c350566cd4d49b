from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardiolens.formats.collection import list_inputs
from cardiolens.formats.wfdb_record import write
from cardiolens.serving.inspect_archive import inspect_inputs
from cardiolens.serving.inspection import inspect_input
from cardiolens.signals.quality import Verdict
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS


@pytest.fixture(scope="module")
def recording():
    return make_subject(seed=5, index=0, with_mri=False).recording


@pytest.fixture
def folder(tmp_path, recording) -> Path:
    """A good ECG, one with a hum, one with a dead lead, and a letter."""
    write(tmp_path / "a_good.hea", recording)
    hum = recording.signal_mv + 0.1 * np.sin(2 * np.pi * 50 * np.arange(5000) / 500).astype(np.float32)
    write(tmp_path / "b_hum.hea", replace(recording, signal_mv=np.vstack([recording.signal_mv[:6], hum[6:]])))
    dead = recording.signal_mv.copy()
    dead[9] = 0
    write(tmp_path / "c_dead.hea", replace(recording, signal_mv=dead))
    (tmp_path / "d_1234567.txt").write_text("Dear colleague")
    return tmp_path


def _inspected(folder: Path, **how) -> dict:
    return {one.source: one for one in inspect_inputs(list_inputs([folder]), **how)}


def test_every_file_gets_a_verdict_and_its_reasons(folder):
    found = list(_inspected(folder).values())
    assert [one.verdict for one in found] == [Verdict.GOOD, Verdict.USABLE, Verdict.REFUSED, Verdict.REFUSED]
    good, hum, dead, letter = found
    assert (good.format, good.rate_hz, good.duration_s) == ("WFDB record (.hea with .dat or .mat)", 500, 10)
    assert (good.leads, good.reason, good.findings) == (LEADS, "", ())
    assert hum.findings[0].found.startswith("mains hum of 50 Hz")
    assert hum.measures["V1"]["mains_mv"] == pytest.approx(0.1, rel=0.2)
    assert "a flat line in lead V4" in dead.reason
    assert (letter.format, letter.measures) == ("", {})
    assert "a file of another kind" in letter.reason


def test_a_refused_ecg_can_still_be_looked_at(folder):
    inputs = list(list_inputs([folder]))
    inspection, examination = inspect_input(inputs[2])
    assert inspection.verdict is Verdict.REFUSED
    assert examination.recording.signal_mv.shape == (12, 5000)
    assert inspect_input(inputs[3])[1] is None


def test_a_missing_lead_is_zero_and_flagged_where_that_is_allowed(folder):
    dead = _inspected(folder, allow_missing_leads=True)["c_dead.hea"]
    assert dead.verdict is Verdict.USABLE
    assert dead.findings[0].found == "not recorded, zero instead: V4"


def test_two_processes_find_the_same_in_the_same_order(folder):
    alone, together = (
        [(one.source, one.verdict, one.reason, one.findings) for one in _inspected(folder, processes=processes).values()]
        for processes in (1, 2)
    )
    assert together == alone


def test_no_participants_number_is_said(folder):
    assert "1234567" not in repr(_inspected(folder))


def test_pictures_are_drawn_of_what_can_be_drawn(folder):
    _inspected(folder, pictures=folder / "drawn")
    assert sorted(path.name for path in (folder / "drawn").iterdir()) == [
        "00001_a_good.hea.png", "00002_b_hum.hea.png", "00003_c_dead.hea.png",
    ]  # fmt: skip


def test_a_file_that_its_reader_refuses_counts_under_its_format(folder):
    (folder / "a_good.dat").unlink()
    lost = _inspected(folder)["a_good.hea"]
    assert lost.verdict is Verdict.REFUSED
    assert lost.format == "WFDB record (.hea with .dat or .mat)"
