from pathlib import Path

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats.lead_groups import LeadGroup, simultaneous
from cardiolens.types import LEADS

HERE = Path("ecg")


def _group(leads, *, start: str | None = "0", num_samples: int = 10, value: float = 0.0, left_out=()) -> LeadGroup:
    signal = np.full((len(leads), num_samples), value, np.float32)
    return LeadGroup(signal, tuple(leads), 500.0, start, tuple(left_out))


def test_groups_of_one_start_are_joined_in_their_order():
    joined, notes = simultaneous(HERE, [_group(LEADS[:3], value=1.0), _group(LEADS[3:], value=2.0)])
    assert (joined.leads, notes) == (LEADS, ())
    assert joined.signal_mv[:, 0].tolist() == [1.0] * 3 + [2.0] * 9


@pytest.mark.parametrize("change", [{"start": "2500"}, {"num_samples": 9}, {"start": None}])
def test_leads_of_another_start_or_length_or_of_no_known_start_are_refused(change):
    with pytest.raises(
        BadRecording, match="found V1, V2, V3, V4, V5, V6 recorded at another time, rate or length than I, II, III"
    ):
        simultaneous(HERE, [_group(LEADS[:6]), _group(LEADS[6:], **change)])


def test_a_second_recording_of_the_same_leads_is_left_out_and_said():
    groups = [_group(["II"], num_samples=50), _group(LEADS, value=1.0), _group(LEADS, value=2.0)]
    best, notes = simultaneous(HERE, groups)
    assert (best.leads, best.signal_mv[0, 0], notes) == (LEADS, 1.0, ("left out 2 other recordings in the same file",))


def test_one_group_needs_no_start_and_what_was_left_out_of_it_is_said():
    best, notes = simultaneous(HERE, [_group(LEADS, start=None, left_out=("pressure 7654321",))])
    assert best.leads == LEADS
    assert len(notes) == 1
    assert notes[0].startswith("left out pressure id-")


def test_a_file_without_any_of_the_12_leads_is_refused_by_what_it_holds():
    with pytest.raises(BadRecording, match=r"found no lead of a 12-lead ECG \(V7, pressure\)"):
        simultaneous(HERE, [_group(["V7"], left_out=("pressure",))])


def test_more_groups_than_an_ecg_has_are_refused():
    with pytest.raises(BadRecording, match="found 65 groups of leads"):
        simultaneous(HERE, [_group(["I"])] * 65)
