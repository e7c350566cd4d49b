import json

import pytest
import real_ecgs


@pytest.fixture(scope="module")
def looked_at(shared_data):
    return real_ecgs.real_ecgs("looked at")


def test_only_the_listed_half_is_looked_at(looked_at):
    listed = json.loads(real_ecgs.LOOKED_AT.read_text())["ptbxl"]
    assert sorted(path.stem for path in looked_at["path"]) == sorted(listed)


def test_normal_recordings_hold_nothing_that_is_asked_for(looked_at):
    normal = looked_at[looked_at["normal"]]
    assert len(normal) > 10
    assert not normal[["hypertrophy", "infarction", "arrhythmia", "paced"]].to_numpy().any()


def test_fibrillation_and_flutter_are_arrhythmia_and_never_another_rhythm(looked_at):
    assert (looked_at["arrhythmia"] == (looked_at["fibrillation"] | looked_at["flutter"])).all()
    assert not (looked_at["other_rhythm"] & (looked_at["arrhythmia"] | looked_at["paced"])).any()


def test_a_recording_is_read_whole(looked_at):
    (found,) = real_ecgs.recordings(looked_at.head(1))
    assert found.signal_mv.shape == (12, 5000)
