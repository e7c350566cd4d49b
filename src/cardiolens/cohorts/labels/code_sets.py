"""Which ICD-10 codes make which disease: the customary sets of the tasks, and a published one with its faults as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cardiolens.errors import BadOption
from cardiolens.tasks import TASKS


@dataclass(frozen=True)
class Disease:
    """One disease by its codes."""

    name: str
    """The label column."""
    codes: tuple[str, ...]
    """Normalised ICD-10: upper case, without dot."""
    exact: bool = False
    """Whether a code must be one of `codes`; otherwise it must begin with one."""


@dataclass(frozen=True)
class CodeSet:
    """The diseases of a cohort, each with its codes."""

    name: str
    """What a user types."""
    diseases: tuple[Disease, ...]
    faults: tuple[str, ...] = ()
    """What is wrong with the set, in sentences."""


def with_extra(code_set: CodeSet, extra: Sequence[Disease]) -> CodeSet:
    """The set and a user's own diseases behind it.

    Raises:
        BadOption: a name is taken. Another meaning for a known name would pass unseen into tables beside the usual one.
    """
    diseases = list(code_set.diseases)
    for disease in extra:
        if disease.name in {known.name for known in diseases}:
            raise BadOption(
                "--disease",
                found=f"{disease.name}, which is defined already",
                expected=f"a name other than {', '.join(known.name for known in diseases)}",
                remedy=f"rename it, for example own_{disease.name}",
            )
        diseases.append(disease)
    return replace(code_set, diseases=tuple(diseases))


def _customary() -> CodeSet:
    """Every disease on the shelf of tasks, matched by the beginning of a code."""
    return CodeSet("customary", tuple(Disease(task.name, task.icd10) for task in TASKS.values() if task.icd10))


def _alvarez_florez() -> CodeSet:
    """The lists in the code of the second system, for comparison with it.

    Source: the `deep_risk` repository, ECG-CMR-CL/utils/generate_finetune_dataset.py:90-99.
    """
    return CodeSet(
        "alvarez_florez",
        (
            _listed("cad", 200, 259),
            _listed("af", 480, 489),
            _listed("scd", 460, 479),
            _listed("hf", 500, 509),
            _listed("mi", 250, 259),
            _listed("cardiomyopathy", 420, 429),
        ),
        faults=(
            "mi is I25, chronic ischaemic disease: no acute infarction (I21, I22) is in it, and all of it is a part of cad",
            "scd holds supraventricular tachycardia (I471) and lacks ventricular fibrillation (I490)",
            "codes of three characters, such as the bare I48 of older records, are missed, since whole codes are compared",
            "hf lacks heart failure from hypertension (I110, I130, I132), cardiomyopathy lacks I43, and there is no dm",
        ),
    )


def _listed(name: str, first: int, last: int) -> Disease:
    return Disease(name, tuple(f"I{number}" for number in range(first, last + 1)), exact=True)


CODE_SETS = {code_set.name: code_set for code_set in (_customary(), _alvarez_florez())}
"""What a user may choose from, by name."""
