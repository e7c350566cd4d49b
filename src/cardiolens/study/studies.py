"""The studies by name, their parts, and what of them a cohort allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.study.dual_phase import (
    DUAL_PHASE_PART,
    demo_targets,
    dual_phase_study,
    keys_of_dual_phase,
    paper_targets,
)
from cardiolens.study.paper import PARTS, PaperRecipes, demo_sizes, keys_of_part, paper_sizes, paper_study, with_whole_search
from cardiolens.study.plan import Study


@dataclass(frozen=True)
class StudyChoice:
    """What a user may ask for."""

    parts: tuple[str, ...]
    sizes: Callable[[], PaperRecipes]
    build: Callable[[PaperRecipes], Study]


def _demo(recipes: PaperRecipes) -> Study:
    first, second = paper_study(recipes, name="demo"), dual_phase_study(recipes, demo_targets(), name="demo")
    known = {run.key for run in first.runs}
    runs = (*first.runs, *(run for run in second.runs if run.key not in known))
    return replace(first, runs=runs, sweeps=(*first.sweeps, *second.sweeps))


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
    """The study without pre-training that reads arrays which the cohort was not prepared with, and why each is left out.

    Raises:
        BadOption: nothing is left.
    """
    absent = {"volumes": cohort.cmr_volumes is None, "cine": cohort.cmr_cine is None}
    left_out = {}
    for run in study.runs:
        method = run.config.method
        for what, needed in (("volumes", method.needs_volumes), ("cine", method.needs_cine)):
            if needed and absent[what]:
                left_out[run.key] = f"the cohort has no {what}; prepare one with --{what}"
    kept = study.without(list(left_out)) if left_out else study
    if not kept.runs:
        needs = sorted(set(left_out.values()))
        raise BadOption(cohort.path, found="; ".join(needs), expected="what the study reads", remedy="prepare another cohort")
    return kept, left_out
