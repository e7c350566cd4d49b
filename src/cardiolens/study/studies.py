"""The studies by name, their parts, and what of them a cohort allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.methods.fine_tuning import FineTuningConfig
from cardiolens.study.dual_phase import (
    DUAL_PHASE_PART,
    demo_targets,
    dual_phase_study,
    keys_of_dual_phase,
    paper_targets,
)
from cardiolens.study.paper import PARTS, PaperRecipes, demo_sizes, keys_of_part, paper_sizes, paper_study, with_whole_search
from cardiolens.study.plan import Study
from cardiolens.tasks import TaskKind


@dataclass(frozen=True)
class StudyChoice:
    """What a user may ask for."""

    parts: tuple[str, ...]
    sizes: Callable[[], PaperRecipes]
    build: Callable[[PaperRecipes], Study]


def _demo(recipes: PaperRecipes) -> Study:
    return paper_study(recipes, name="demo").joined(dual_phase_study(recipes, demo_targets(), name="demo"))


def _dual_phase(recipes: PaperRecipes) -> Study:
    return dual_phase_study(recipes, paper_targets())


STUDIES: Mapping[str, StudyChoice] = {
    "paper": StudyChoice(tuple(PARTS), paper_sizes, paper_study),
    "dual_phase": StudyChoice((DUAL_PHASE_PART,), paper_sizes, _dual_phase),
    "demo": StudyChoice((*PARTS, DUAL_PHASE_PART), demo_sizes, _demo),
}


def choose_study(
    name: str, *, parts: Sequence[str] = (), num_seeds: int = 5, whole_search: bool = False
) -> tuple[Study, PaperRecipes]:
    """A study by name, cut down to some parts and to fewer seeds where asked, and the settings it is made of.

    Raises:
        BadOption: the study has no such part.
    """
    choice = STUDIES[name]
    if unknown := [part for part in parts if part not in choice.parts]:
        raise BadOption("--only", found=unknown[0], expected=", ".join(choice.parts), remedy=f"choose parts of '{name}'")
    recipes = choice.sizes()
    recipes = replace(recipes, seeds=recipes.seeds[:num_seeds], other_seeds=recipes.other_seeds[:num_seeds])
    whole = choice.build(with_whole_search(recipes) if whole_search else recipes)
    return (cut_to(whole, parts) if parts else whole), recipes


def cut_to(study: Study, parts: Sequence[str]) -> Study:
    """The study cut down to some of its tables and figures."""
    keys = [keys_of_dual_phase(study) if part == DUAL_PHASE_PART else keys_of_part(study, part) for part in parts]
    cut = study.only([key for of_part in keys for key in of_part])
    return cut if any(part in PARTS and PARTS[part].tabular for part in parts) else replace(cut, tabular=())


def allowed_by(study: Study, cohort: Cohort) -> tuple[Study, dict[str, str]]:
    """The study without what the cohort does not allow, and why each is left out: pre-training that reads arrays which were
    not prepared, and diseases of which one class is missing among those to learn from or to be selected by, as happens
    among a few hundred subjects.

    Raises:
        BadOption: nothing that predicts is left, or the cohort lacks a label column.
    """
    absent = {"volumes": cohort.cmr_volumes is None, "cine": cohort.cmr_cine is None}
    left_out = {}
    one_class = cache(partial(_one_class, cohort))
    for run in study.runs:
        method = run.config.method
        for what, needed in (("volumes", method.needs_volumes), ("cine", method.needs_cine)):
            if needed and absent[what]:
                left_out[run.key] = f"the cohort has no {what}; prepare one with --{what}"
        of_diseases = isinstance(method, FineTuningConfig) and all(t.kind is TaskKind.CLASSIFICATION for t in method.tasks)
        if of_diseases and (why := one_class(method.columns, with_mri=method.needs_images)):
            left_out[run.key] = why
    tabular = {column: one_class((column,), with_mri=False) for column in study.tabular}
    left_out |= {f"{column}/tabular": why for column, why in tabular.items() if why}
    if not left_out:
        return study, {}
    kept = replace(study.without(list(left_out)), tabular=tuple(column for column, why in tabular.items() if not why))
    started = {start for run in study.runs for start in run.start}
    shown = {key for part in PARTS.values() for key in part.pretraining}
    # What was only there for others to start from goes with the last of them.
    kept = kept.only([run.key for run in kept.runs if run.predicts or run.key in shown or run.key not in started])
    if not kept.runs or (any(run.predicts for run in study.runs) and not any(run.predicts for run in kept.runs)):
        needs = sorted(set(left_out.values()))
        raise BadOption(cohort.path, found="; ".join(needs), expected="what the study reads", remedy="prepare another cohort")
    return kept, left_out


def said_of(left_out: Mapping[str, str]) -> tuple[str, ...]:
    """What `allowed_by` left out, one sentence per reason; seeds and shares of one method are one."""
    what: dict[str, dict[str, None]] = {}
    for key, why in left_out.items():
        what.setdefault(why, {})["/".join(key.split("/")[:2])] = None
    return tuple(f"Left out: {', '.join(keys)}, since {why}." for why, keys in what.items())


def _one_class(cohort: Cohort, columns: tuple[str, ...], *, with_mri: bool) -> str:
    """Where no column has both classes among those to train on or to select on, in words; empty where some column has."""
    labels = cohort.values(columns)
    for split in ("train", "select"):
        rows = cohort.rows(split)
        if split == "train" and columns[0] in cohort.training_sets:
            rows = rows[cohort.training_sets[columns[0]].to_numpy()[rows] >= 0]
        if with_mri:
            rows = rows[cohort.subjects["has_cmr"].to_numpy(bool)[rows]]
        if not ((labels[rows] == 1).any(axis=0) & (labels[rows] == 0).any(axis=0)).any():
            people = "the subjects with an MRI" if with_mri else "the subjects"
            return f"{' and '.join(columns)} has no two classes among {people} of the split {split}"
    return ""
