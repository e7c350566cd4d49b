"""The studies by name, their parts, and what of them a cohort allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.study.dual_phase import (
    DUAL_PHASE_PART,
    demo_targets,
    dual_phase_part,
    dual_phase_study,
    paper_targets,
)
from cardiolens.study.paper import PARTS, PaperRecipes, demo_sizes, paper_sizes, paper_study, part_of, with_whole_search
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


def choose_study(name: str, *, part: str = "", num_seeds: int = 5, whole_search: bool = False) -> tuple[Study, PaperRecipes]:
    """A study by name, cut down to a part and to fewer seeds where asked, and the settings it is made of.

    Raises:
        BadOption: the study has no such part.
    """
    choice = STUDIES[name]
    if part and part not in choice.parts:
        raise BadOption("--only", found=part, expected=", ".join(choice.parts), remedy=f"choose a part of '{name}'")
    recipes = choice.sizes()
    recipes = replace(recipes, seeds=recipes.seeds[:num_seeds], other_seeds=recipes.other_seeds[:num_seeds])
    whole = choice.build(with_whole_search(recipes) if whole_search else recipes)
    if not part:
        return whole, recipes
    return (dual_phase_part(whole) if part == DUAL_PHASE_PART else part_of(whole, part)), recipes


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
