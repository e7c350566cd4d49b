"""A cohort from UK Biobank's bulk files and main table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.file_rows import FileRows, ReadMri, inputs_digest
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.phenotype_sources import Source
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.ukb.visits import UkbChoices, UkbSources, plan_visits
from cardiolens.formats import cardiosoft_xml
from cardiolens.imaging.views import ViewConfig
from cardiolens.parallel import HERE, Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.cleaning import CleaningConfig

_CHOICES, _CLEANING, _VIEWS = UkbChoices(), CleaningConfig(), ViewConfig()


def prepare_ukb(
    out: Path,
    sources: UkbSources,
    *,
    key_file: Path,
    choices: UkbChoices = _CHOICES,
    read_mri: ReadMri | None = None,
    mri_rules: Mapping[str, Any] | None = None,
    cleaning: CleaningConfig = _CLEANING,
    views: ViewConfig = _VIEWS,
    workers: Workers = HERE,
    progress: Progress = QUIET,
) -> Cohort:
    """Make, or complete, the cohort of these sources at `out`; a complete one of the same content is opened.

    `read_mri` reads an examination and measures `choices.own_phenotypes`; `mri_rules` says in plain values how, for the
    record. Participants' numbers are written to `key_file` and nowhere else.

    Raises:
        BadOption: a source is not what it should be, or `out` holds something else.
        NoSpace: the disk is full; free some and run again.
    """
    participants = Participants.open_or_make(key_file)
    plan = plan_visits(sources, choices, participants)
    own = tuple(column for column, source in plan.phenotype_sources.items() if source is Source.OWN)
    maker = FileRows(
        plan.visits, plan.table, cleaning, plan.participants.key, read_mri, own_phenotypes=own, only=cardiosoft_xml.NAME,
        others=plan.ukb_phenotypes,
    )  # fmt: skip
    source = {
        "kind": "ukb",
        "inputs": inputs_digest(plan.visits, plan.table, plan.participants.key),
        "labels": choices.labels.describe() | {"censored": plan.censored},
        "phenotypes": {column: str(chosen) for column, chosen in plan.phenotype_sources.items()},
        "mri": dict(mri_rules or {}),
    }
    return build_cohort(
        out,
        CohortSettings(source, cleaning=cleaning, views=views),
        maker,
        num_rows=len(plan.visits),
        split_key=plan.participants.split_key,
        chunk_rows=maker.chunk_rows,
        workers=workers,
        flow=plan.flow,
        progress=progress,
    )
