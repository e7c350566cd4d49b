"""ICD-10 codes as text: one way of writing them, what begins with what, and the refusal of other codings.

Real records hold codes of three characters beside longer ones (`I48` beside `I489`), so that a disease is what its codes
begin with, not a list of whole codes.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from jaxtyping import Bool

from cardiolens.cohorts.labels.code_sets import Disease
from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.privacy import hide_participants

LEAST_SHARE = 0.9
"""Of the different codes of a source, those that must look like ICD-10."""
_OF_CHUNKS = ("row", "reason", "part", "lost")
RESERVED = frozenset({"subject", "visit", "split", "has_cmr", "sex", "age_years", "followup", *_OF_CHUNKS, *PHENOTYPE_COLUMNS})
"""Columns of a cohort that no disease may be called after, and `followup`, whose days have a column of their own."""

_OPTION = "--disease"
# A dot stands behind the third character alone, with something after it: Read codes such as G573. and G30.. have others.
_ICD10 = re.compile(r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?(\.?-)?[*+†!]?", re.ASCII | re.IGNORECASE)
_NOT_WRITTEN = re.compile(r"[.\s]|[-*+†!]+$")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_DERIVED = re.compile(r"_(prevalent|days|incident_\w+)$")
_SHOWN_CHARACTERS = 20


def normalise_codes(codes: pd.Series) -> pd.Series:
    """Upper case, without dots, blanks and the marks that some countries put behind a code: ` i25.1*` becomes `I251`.

    Missing codes and empty text become missing.
    """
    written = {code: _NOT_WRITTEN.sub("", str(code).strip()).upper() or None for code in codes.dropna().unique()}
    return codes.map(written)


def codes_match(codes: pd.Series, wanted: tuple[str, ...], *, exact: bool = False) -> Bool[np.ndarray, " code"]:
    """Which normalised codes begin with one of `wanted`, or with `exact` are one of them; a missing code is none."""
    place, distinct = pd.factorize(codes)
    hits = [code in wanted if exact else code.startswith(wanted) for code in distinct]
    # A missing code has the place -1 and so takes the last entry.
    return np.array([*hits, False], dtype=bool)[place]


def refuse_unknown_coding(codes: pd.Series, source: str) -> None:
    """Refuse codes, as they came, of which fewer than nine in ten different ones look like ICD-10.

    Procedures by OPCS-4 (K40, K451) look like ICD-10 and cannot be told from it: that a column holds diagnoses is for the
    user to know.

    Raises:
        BadOption: ICD-9, SNOMED, Read or other codes; `source` names them.
    """
    distinct = [str(code).strip() for code in codes.dropna().unique()]
    other = [code for code in distinct if not _ICD10.fullmatch(code)]
    num_icd10 = len(distinct) - len(other)
    if num_icd10 >= LEAST_SHARE * len(distinct):
        return
    examples = " and ".join(hide_participants(code)[:_SHOWN_CHARACTERS] for code in other[:2])
    share = 100 * num_icd10 // len(distinct)
    raise BadOption(
        source,
        found=f"codes such as {examples}; of {len(distinct)} different codes {share} % look like ICD-10",
        expected="diagnoses by ICD-10, such as I251, I25.1 or I48",
        remedy="name the column with ICD-10 (UK Biobank: field 41270), or translate ICD-9, SNOMED or Read codes first",
    )


def parse_disease(text: str) -> Disease:
    """The disease that a command line defines: `stroke=I63,I64` is everything that begins with I63 or I64.

    Raises:
        BadOption: the text has another form, the name is none or taken, or a code is none of ICD-10.
    """
    name, equals, listed = (part.strip() for part in text.partition("="))
    codes = [code.strip() for code in listed.split(",")]
    if not equals or not listed:
        raise _bad(repr(text), "a name and codes, such as stroke=I63,I64", "write the name, an equals sign and the codes")
    if not _NAME.fullmatch(name):
        raise _bad(f"the name {name!r}", "lower-case letters, digits and _, a letter first", "rename the disease")
    if name in RESERVED or _DERIVED.search(name):
        raise _bad(f"the name {name}", "one that no other column of a cohort has", f"rename it, for example {name}_disease")
    if wrong := [code for code in codes if not _ICD10.fullmatch(code)]:
        remedy = "write the codes one by one with commas between them; ranges such as I60-I64 are not understood"
        raise _bad(f"the code {wrong[0]!r} of {name}", "the beginning of ICD-10 codes, three characters or more", remedy)
    return Disease(name, tuple(dict.fromkeys(normalise_codes(pd.Series(codes)))))


def _bad(found: str, expected: str, remedy: str) -> BadOption:
    return BadOption(_OPTION, found=found, expected=expected, remedy=remedy)
