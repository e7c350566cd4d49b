from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.leads import standard_lead, standard_leads
from cardiolens.types import LEADS


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ("aVR", "aVR"),
        ("AVR", "aVR"),
        ("MDC_ECG_LEAD_AVR", "aVR"),
        ("ECG II", "II"),
        ("EKG V1", "V1"),
        ("Lead III", "III"),
        ("v_6", "V6"),
        ("DI", "I"),
        ("C3", "V3"),
        ("-aVR", None),
        ("vx", None),
        ("1", None),
        ("V7", None),
        ("", None),
    ],
)
def test_a_lead_is_known_by_any_of_its_names_and_by_no_other(name, lead):
    assert standard_lead(name) == lead


def test_leads_come_out_in_order_whatever_their_order_and_spelling(recording):
    order = np.random.default_rng(0).permutation(12)
    shuffled = replace(
        recording, signal_mv=recording.signal_mv[order], leads=tuple(LEADS[i].upper() for i in order), notes=("from afar",)
    )
    ordered = standard_leads(shuffled)
    assert ordered.leads == LEADS
    np.testing.assert_array_equal(ordered.signal_mv, recording.signal_mv)
    assert ordered.notes == ("from afar",)


def test_missing_limb_leads_are_derived_and_said(recording):
    stored = [0, 1, *range(6, 12)]
    derived = standard_leads(replace(recording, signal_mv=recording.signal_mv[stored], leads=tuple(LEADS[i] for i in stored)))
    np.testing.assert_allclose(derived.signal_mv, recording.signal_mv, atol=1e-6)
    assert derived.signal_mv.dtype == np.float32
    assert derived.notes == ("derived III, aVR, aVL, aVF from I and II",)


def test_other_leads_are_left_out_and_said(recording):
    more = replace(
        recording, signal_mv=np.vstack([recording.signal_mv, np.ones((2, 2500), np.float32)]), leads=(*LEADS, "vx", "V7")
    )
    ordered = standard_leads(more)
    np.testing.assert_array_equal(ordered.signal_mv, recording.signal_mv)
    assert ordered.notes == ("left out vx, V7",)


def _only(recording, leads):
    rows = [LEADS.index(lead) for lead in leads]
    return replace(recording, signal_mv=recording.signal_mv[rows], leads=tuple(leads))


@pytest.mark.parametrize("pair", list(combinations(LEADS[:6], 2)))
def test_any_two_limb_leads_give_the_other_four(recording, pair):
    derived = standard_leads(_only(recording, [*pair, *LEADS[6:]]))
    np.testing.assert_allclose(derived.signal_mv, recording.signal_mv, atol=2e-6)
    assert derived.derived_leads == tuple(lead for lead in LEADS[:6] if lead not in pair)
    assert derived.notes[0].endswith(f"from {pair[0]} and {pair[1]}")


@pytest.mark.parametrize("missing", [["V3"], ["V1", "V6"], list(LEADS[1:6]), list(LEADS[:6])])
def test_a_lead_that_cannot_be_derived_is_asked_for_by_name(recording, missing):
    fewer = _only(recording, [lead for lead in LEADS if lead not in missing])
    with pytest.raises(BadRecording, match=rf"r.hea: found {12 - len(missing)} leads .* without {', '.join(missing)};"):
        standard_leads(fewer)


def test_a_missing_chest_lead_becomes_zero_where_that_is_allowed(recording):
    fewer = _only(recording, [lead for lead in LEADS if lead not in ("V2", "V5")])
    with pytest.raises(BadRecording, match="accept zeros in their place by --allow-missing-leads"):
        standard_leads(fewer)
    filled = standard_leads(fewer, allow_missing=True)
    assert filled.absent_leads == ("V2", "V5")
    assert filled.notes == ("not recorded, zero instead: V2, V5",)
    assert not filled.signal_mv[[7, 10]].any()
    np.testing.assert_array_equal(filled.signal_mv[[6, 8, 9, 11]], recording.signal_mv[[6, 8, 9, 11]])


def test_missing_limb_leads_are_never_zero(recording):
    with pytest.raises(BadRecording, match="without II, III, aVR, aVL, aVF") as refusal:
        standard_leads(_only(recording, ["I", *LEADS[6:]]), allow_missing=True)
    assert "--allow-missing-leads" not in str(refusal.value)


def test_two_rows_of_one_lead_are_refused(recording):
    twice = replace(recording, leads=(*LEADS[:11], "C1"))
    with pytest.raises(BadRecording, match="lead V1 twice"):
        standard_leads(twice)
