"""Damage to real files of every format, other damage every time: a recording or one of our own errors comes out."""

import shutil

import pytest
from fuzzing import assert_refused_or_read, edited, edits
from golden_recordings import sample_paths
from hypothesis import HealthCheck, given, settings

from cardiolens.formats import read_recording

EXAMPLES = 500


@pytest.mark.long
def test_damaged_real_files_are_read_or_refused(shared_data, tmp_path_factory):
    for sample in sample_paths(shared_data / "ecg" / "formats"):
        folder = tmp_path_factory.mktemp(sample.stem.replace(".", "_"))
        for beside in sample.parent.glob(f"{sample.stem}.*"):
            shutil.copyfile(beside, folder / beside.name)
        for damaged in sorted(folder.iterdir()):
            _survives(folder / sample.name, damaged)


def _survives(path, damaged):
    whole = damaged.read_bytes()
    read_recording(path)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(edits(len(whole)))
    def survives(changes):
        damaged.write_bytes(edited(whole, changes))
        assert_refused_or_read(read_recording, path)

    survives()
    damaged.write_bytes(whole)
