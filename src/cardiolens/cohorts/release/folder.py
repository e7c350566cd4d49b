"""Synthetic subjects as the files of a data release: ECGs, MRIs and tables laid out as UK Biobank gives them out.

For testing what reads such folders, from end to end and without anybody's data. The folder grows beside its place and is
moved there in one step; a subject's cells are stored after its files, so after a kill exactly the subjects without cells
are missing, and doing them again gives the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cardiolens.atomic import full_disk_named, sync, write_atomically
from cardiolens.cohorts.assembly import made_by
from cardiolens.cohorts.construction import LOCK, PLAN, is_complete, keep_to_plan, locked, refuse_taken, sweep
from cardiolens.cohorts.manifest import building_folder
from cardiolens.cohorts.release.numbers import MOST_SUBJECTS, participant_number
from cardiolens.cohorts.release.subject import Layout, ReleaseConfig, write_subject
from cardiolens.cohorts.release.table import EID, write_classic, write_platform, write_truth
from cardiolens.configs import to_json
from cardiolens.errors import BadOption
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress
from cardiolens.source_digest import source_digest, with_imports

__all__ = ["Layout", "ReleaseConfig", "write_release", "write_subject"]

RELEASE, README = "release.json", "README.txt"
MAIN_TABLE, PLATFORM_TABLE, TRUTH = "main.csv", "participant.parquet", "truth.parquet"
WITHDRAWN = "w00000_20230101.csv"
"""Application and date as in the names of real lists."""

_NOUN, _SUBJECTS = "release", "subjects"
_DEFAULT = ReleaseConfig()

_ABOUT = """SYNTHETIC DATA. Nobody's: every ECG, MRI, number, date and diagnosis here was computed by {made_by}
from seed {seed}. Participant numbers are made up; should one equal a real one, that is chance and means nothing.

Laid out as UK Biobank gives out its imaging study, to test programs that read it:
  {ecg}
      resting ECG, GE CardioSoft XML, field 20205
  {mri}
      short-axis cine MRI, DICOM files with a manifest in a zip, field 20209
  {main}
      main table with classic column names, every cell in quotes
  {platform}
      the same with the names of the research analysis platform
  {withdrawn}
      numbers of people who withdrew; their files are still here, and one number is of nobody in the table
  {truth}
      what the generator knows of every subject; no real release has such a file
  {release}
      the settings this was made with

Phenotypes are those of the simulated hearts (fields 24100-24109 and 24124-24174) and are repeated at a second visit.
Atria and aorta (24110-24123) and longitudinal strain (24175-24181) are not simulated; those columns are absent.
"""


def write_release(
    out: Path, *, subjects: int, seed: int, with_mri: bool = True, layout: Layout = Layout.NESTED,
    config: ReleaseConfig = _DEFAULT, progress: Progress = QUIET,
) -> Path:  # fmt: skip
    """Write, or complete, a release of `subjects` synthetic people at `out`; a complete one of these settings is left alone.

    One subject at a time is in memory.

    Raises:
        BadOption: a number is out of range, `out` holds something else, or another process is writing it.
        NoSpace: the disk is full; free some and run again.
    """
    for name, value, least, most in (("subjects", subjects, 1, MOST_SUBJECTS), ("seed", seed, 0, None)):
        if value < least or (most is not None and value > most):
            expected = f"at least {least}" if most is None else f"{least} to {most}"
            raise BadOption(name, found=str(value), expected=expected, remedy="choose another number")
    plan = _plan(subjects=subjects, seed=seed, with_mri=with_mri, layout=layout, config=config)
    if is_complete(out / RELEASE, plan, what="release"):
        return out
    refuse_taken(out)
    folder = building_folder(out)
    with full_disk_named(out):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, noun=_NOUN):
            if not is_complete(folder / RELEASE, plan, what="release"):
                keep_to_plan(folder, plan, noun=_NOUN)
                sweep(folder)
                _write_subjects(folder, plan, with_mri=with_mri, layout=layout, config=config, out=out, progress=progress)
                _write_tables(folder, plan, layout)
                write_atomically(folder / RELEASE, _json(plan))
            shutil.rmtree(folder / _SUBJECTS, ignore_errors=True)
            for name in (PLAN, LOCK):
                (folder / name).unlink(missing_ok=True)
            os.rename(folder, out)
            sync(out.parent)
    return out


def _plan(*, subjects: int, seed: int, with_mri: bool, layout: Layout, config: ReleaseConfig) -> dict[str, Any]:
    settings = {"subjects": subjects, "seed": seed, "with_mri": with_mri, "layout": layout.value, "config": to_json(config)}
    # Subjects of two versions of the generator must not be mixed.
    made = {"made_by": made_by(), "generator_sha256": source_digest(_generator_modules())}
    return json.loads(json.dumps(settings | made))


def _generator_modules() -> tuple[str, ...]:
    return with_imports("cardiolens.synthetic.generator", within="cardiolens.synthetic")


def _write_subjects(
    folder: Path, plan: dict[str, Any], *, with_mri: bool, layout: Layout, config: ReleaseConfig, out: Path,
    progress: Progress,
) -> None:  # fmt: skip
    finished = folder / _SUBJECTS
    finished.mkdir(exist_ok=True)
    seed, subjects = plan["seed"], plan["subjects"]
    cells = {index: finished / f"{participant_number(seed, index)}.json" for index in range(subjects)}
    missing = [index for index, path in cells.items() if not path.exists()]
    done = subjects - len(missing)
    with progress.task(f"writing {display_name(out)}", total=subjects, done=done, unit="subjects") as task:
        for index in missing:
            written = write_subject(folder, seed=seed, index=index, with_mri=with_mri, layout=layout, config=config)
            record = {"cells": written.cells, "truth": written.truth, "withdrawn": written.withdrawn}
            write_atomically(cells[index], _json(record))
            task.advance()


def _write_tables(folder: Path, plan: dict[str, Any], layout: Layout) -> None:
    write_classic(folder / MAIN_TABLE, (record["cells"] for record in _records(folder)))
    write_platform(folder / PLATFORM_TABLE, (record["cells"] for record in _records(folder)))
    write_truth(folder / TRUTH, (record["truth"] for record in _records(folder)))
    for name in (MAIN_TABLE, PLATFORM_TABLE, TRUTH):
        sync(folder / name)
    # Lists of withdrawals name people of other parts of the study too.
    stranger = participant_number(plan["seed"], plan["subjects"])
    withdrawn = sorted([record["cells"][EID] for record in _records(folder) if record["withdrawn"]] + [stranger])
    write_atomically(folder / WITHDRAWN, "".join(f"{number}\n" for number in withdrawn).encode())
    nested = layout is Layout.NESTED
    about = _ABOUT.format(
        made_by=plan["made_by"],
        seed=plan["seed"],
        ecg="Bulk/Electrocardiogram/Resting/<first two digits>/<number>_20205_<instance>_0.xml" if nested else "*_20205_*.xml",
        mri="Bulk/Heart MRI/Short axis/<first two digits>/<number>_20209_<instance>_0.zip" if nested else "*_20209_*.zip",
        main=MAIN_TABLE,
        platform=PLATFORM_TABLE,
        withdrawn=WITHDRAWN,
        truth=TRUTH,
        release=RELEASE,
    )
    write_atomically(folder / README, about.encode())


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    """What the finished subjects left, by participant number."""
    for path in sorted((folder / _SUBJECTS).iterdir()):
        yield json.loads(path.read_text())


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
