from dataclasses import replace

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


@pytest.mark.parametrize("lead", ["I", "II", "V3"])
def test_a_lead_that_cannot_be_derived_is_asked_for_by_name(recording, lead):
    rows = [i for i, name in enumerate(LEADS) if name != lead]
    fewer = replace(recording, signal_mv=recording.signal_mv[rows], leads=tuple(LEADS[i] for i in rows))
    with pytest.raises(BadRecording, match=rf"r.hea: found 11 leads .* without {lead};"):
        standard_leads(fewer)


def test_two_rows_of_one_lead_are_refused(recording):
    twice = replace(recording, leads=(*LEADS[:11], "C1"))
    with pytest.raises(BadRecording, match="lead V1 twice"):
        standard_leads(twice)
