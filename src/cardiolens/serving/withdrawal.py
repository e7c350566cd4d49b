"""People who withdrew, taken out of everything below some folders, with the proof and with what was trained on them.

Cohorts are rewritten; every table with a column `subject` (predictions and embeddings of cohorts) or `source` (tables of files,
whose names bore their number) loses their rows. A network that learned
from somebody cannot forget by itself: its run and bundle are named, for the user to train again. What stands in pictures, or
in numbers without a name, is not found.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cardiolens.atomic import sha256
from cardiolens.cohorts.audit.files import search_file
from cardiolens.cohorts.audit.known_numbers import KnownParticipants
from cardiolens.cohorts.audit.search import Search
from cardiolens.cohorts.manifest import MANIFEST, building_folder, read_manifest
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.splits import SPLITS
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.withdraw import bare_number, finish_removal, own_files, remove_subjects
from cardiolens.errors import BadCohort, BadOption
from cardiolens.privacy import hide_participants, keyed_hash, user_key
from cardiolens.progress import QUIET, Progress
from cardiolens.serving.withdrawn_rows import SUBJECT, remove_rows, sweep

_WITH_KEY = frozenset({"ukb", "archive"})
_RUN_OR_BUNDLE, _EXPORT, _WEIGHTS = "config.json", "export.json", "model.safetensors"


@dataclass(frozen=True)
class Trained:
    """What was made of a cohort in which people who withdrew were, and cannot be mended."""

    name: str
    kind: str
    """run, bundle, or export: the published code's files, which still hold their ECGs"""
    subjects_per_split: dict[str, int]
    """How many of them that cohort held."""


@dataclass
class WithdrawalReport:
    """What was done. Names are paths from the folder that was given."""

    cohorts: dict[str, int] = field(default_factory=dict)
    """People removed, by cohort; 0 where none of them was in it."""
    tables: dict[str, int] = field(default_factory=dict)
    """Rows removed, by table outside cohorts."""
    trained: list[Trained] = field(default_factory=list)
    files_searched: int = 0
    still_named: list[str] = field(default_factory=list)
    """Files in which one of them is still found."""
    notes: list[str] = field(default_factory=list)
    """What could not be searched."""

    @property
    def left_to_do(self) -> bool:
        """Whether something of them is still there."""
        return bool(self.still_named) or any(one.kind == "export" for one in self.trained)


def withdrawn_subjects(participants: Collection[str], people: Participants) -> frozenset[str]:
    """Who must not be found any more: the listed people, however many zeros before a number, and all who withdrew before."""
    listed = frozenset(map(bare_number, participants))
    known = {subject for subject, name in people.names.items() if bare_number(name) in listed}
    return frozenset(map(people.subject, participants)) | known | people.withdrawn


def count_known(participants: Collection[str], people: Participants) -> tuple[int, int]:
    """How many are listed, and how many of them this key knows, from a cohort or as withdrawn before."""
    listed = {bare_number(name.removesuffix(".0")) for name in participants}
    names = set(map(bare_number, people.names.values()))
    return len(listed), sum(name in names or people.subject(name) in people.withdrawn for name in listed)


def withdraw(
    paths: Sequence[Path], participants: Collection[str], people: Participants, progress: Progress = QUIET
) -> WithdrawalReport:
    """Remove participants from every cohort and table below `paths`, then search all files below for them.

    Raises:
        BadOption: a path does not exist, or a cohort's subjects are all unknown to this key file: it would remove nobody.
        BadCohort: a cohort is damaged or half-built, or nobody would be left; what was done before stands.
        NoSpace: the disk is full.
    """
    subjects, report = withdrawn_subjects(participants, people), WithdrawalReport()
    roots = _roots(paths)
    folders = sorted({folder for root in roots for folder in _cohorts(root)})
    for folder in folders:
        _refuse_other_key(folder, people)
        if read_manifest(folder).settings.source.get("kind") == "tensors":
            report.notes.append(f"{_shown(folder, roots)}: made of tensors, which name nobody: its people cannot be found")
    with progress.task("removing them from cohorts", total=len(folders), unit="cohorts") as task:
        for folder in folders:
            report.cohorts[_shown(folder, roots)] = remove_subjects(folder, subjects)
            task.advance(1)
    of_cohorts = {folder / name for folder in folders for name in own_files(read_manifest(folder))}
    masks = _masks(subjects, participants)
    for file in _files(roots):
        if file not in of_cohorts and (removed := remove_rows(file, subjects | masks)):
            report.tables[_shown(file, roots)] = removed
    report.trained = _trained(roots, _held(folders))
    sweep(people.path)
    known = KnownParticipants(subjects | masks)
    # The key file remembers them, so that they are never taken in again.
    key = people.path.resolve()
    searched = [file for file in _files(roots) if file != key]
    report.files_searched = len(searched)
    with progress.task("searching for them", total=len(searched), unit="files") as task:
        for file in searched:
            shown = _shown(file, roots)
            if _names_one(file, shown, subjects, known, report.notes):
                report.still_named.append(shown)
            task.advance(1)
    report.notes += [f"{_shown(link, roots)}: a link, not followed" for link in _links(roots)]
    return report


def _roots(paths: Sequence[Path]) -> list[Path]:
    """Where the paths lead, each place once."""
    places = []
    for path in paths:
        place = path.resolve()
        finish_removal(place)
        if not place.exists() and not building_folder(place).is_dir():
            raise BadOption(path, found="no such folder", expected="cohorts, runs, bundles, folders", remedy="check the path")
        places.append(place)
    return [one for one in dict.fromkeys(places) if not any(one != other and one.is_relative_to(other) for other in places)]


def _cohorts(root: Path) -> list[Path]:
    """Cohorts at or below a path.

    Raises:
        BadCohort: one is half-built.
    """
    for building in (root, building_folder(root), *root.rglob("*.building")):
        if building.suffix == ".building" and building.is_dir():
            raise BadCohort(
                building, found="a half-built cohort", expected="finished ones",
                remedy="complete or delete it, then run this again",
            )  # fmt: skip
    for left in [*root.rglob("*.withdrawing"), *root.rglob("*.withdrawn")]:
        finish_removal(left.with_suffix(""))
    return [found.parent for found in root.rglob(MANIFEST)]


def _refuse_other_key(folder: Path, people: Participants) -> None:
    cohort = Cohort.open(folder)
    known = people.names.keys() | people.withdrawn
    if cohort.settings.source.get("kind") in _WITH_KEY and known.isdisjoint(cohort.subjects[SUBJECT]):
        raise BadOption(
            people.path, found=f"a key file that knows nobody of {hide_participants(folder.name)}",
            expected="the one that was written when it was prepared", remedy="give it by --key",
        )  # fmt: skip


def _files(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        for file in [root] if root.is_file() else sorted(root.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file


def _links(roots: Sequence[Path]) -> list[Path]:
    """Those that lead elsewhere."""
    links = (path for root in roots for path in sorted(root.rglob("*")) if path.is_symlink())
    return [link for link in links if not any(link.resolve().is_relative_to(root) for root in roots)]


def _shown(path: Path, roots: Sequence[Path]) -> str:
    root = next(root for root in roots if path.is_relative_to(root))
    shown = hide_participants((root.name / path.relative_to(root)).as_posix())
    return "".join(character if character.isprintable() else "?" for character in shown)


@dataclass(frozen=True)
class _Made:
    """What a run, a bundle or an export says of where it comes from."""

    folder: Path
    kind: str
    cohort: str
    """Fingerprint."""
    start: str
    """SHA-256 of each file of weights that it began with, with a space between."""


def _held(folders: Sequence[Path]) -> dict[str, dict[str, int]]:
    """By fingerprint of a cohort as it once was, how many people per split have left it since."""
    held = {}
    for folder in folders:
        since = dict.fromkeys(SPLITS, 0)
        for one in reversed(read_manifest(folder).history):
            since = {split: count + one.subjects_per_split.get(split, 0) for split, count in since.items()}
            held[one.fingerprint_before] = {split: count for split, count in since.items() if count}
    return held


def _trained(roots: Sequence[Path], held: dict[str, dict[str, int]]) -> list[Trained]:
    """Whatever comes from such a cohort: itself, by the weights that it began with, or by the run in whose folder it is."""
    made = list(_made(roots))
    found: dict[Path, dict[str, int]] = {}
    passed_on: dict[str, dict[str, int]] = {}
    before = -1
    while before < len(found):
        before = len(found)
        for one in made:
            around = next((run for run in found if one.kind == "bundle" and one.folder.is_relative_to(run)), one.folder)
            begun = next((passed_on[start] for start in one.start.split() if start in passed_on), None)
            counts = held.get(one.cohort) or begun or found.get(around)
            if counts and one.folder not in found:
                found[one.folder] = counts
                if (weights := one.folder / _WEIGHTS).is_file():
                    passed_on[sha256(weights)] = counts
    return [Trained(_shown(one.folder, roots), one.kind, found[one.folder]) for one in made if one.folder in found]


def _made(roots: Sequence[Path]) -> Iterator[_Made]:
    for file in _files(roots):
        if file.name not in {_RUN_OR_BUNDLE, _EXPORT}:
            continue
        try:
            stored = json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            continue
        if isinstance(stored, dict):
            bundle = stored.get("provenance")
            kind = "export" if file.name == _EXPORT else "run" if bundle is None else "bundle"
            origin = bundle if isinstance(bundle, dict) else stored
            yield _Made(file.parent, kind, str(origin.get("cohort")), str(origin.get("start")))


def _masks(subjects: Collection[str], participants: Collection[str]) -> frozenset[str]:
    """What stands for people in names of files: by the cohort's key, and by the user's own, which other commands take."""
    by_user = (keyed_hash(participant, key=user_key()) for participant in participants)
    return frozenset(f"id-{name[:8]}" for name in (*subjects, *by_user))


def _names_one(file: Path, shown: str, subjects: frozenset[str], known: KnownParticipants, notes: list[str]) -> bool:
    """Whether one of them is found in a file, in its name or in those of the folders around it."""
    search = Search(shown, known)
    search.known_in(str(file).encode("utf-8", "surrogateescape"), lambda _: "path")
    search_file(file, search)
    notes += search.notes
    return search.findings.num(certain=True) > 0 or any(subject in str(file) for subject in subjects)
