"""Every real sample against what it read as when it was last checked, and against arithmetic and independent decoders."""

import json

import numpy as np
import pytest
from golden_recordings import GOLDEN, sample_paths, summary

from cardiolens.formats import read_recording
from cardiolens.signals.contract import prepare_recording
from cardiolens.signals.leads import OF_I_AND_II, standard_lead

EXPECTED = json.loads(GOLDEN.read_text())
LARGEST_MISFIT_MV = 0.02
"""Four steps of the coarsest real converter here, 5 uV, since some devices record their limb leads one by one."""


@pytest.fixture(scope="module")
def samples(shared_data):
    return shared_data / "ecg" / "formats"


def test_every_sample_is_known(samples):
    assert {str(path.relative_to(samples)) for path in sample_paths(samples)} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_reads_as_it_did(samples, name):
    assert summary(read_recording(samples / name)) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, known in EXPECTED.items() if known["shape"][0] >= 12])
def test_limb_leads_of_a_sample_obey_einthoven_and_goldberger(samples, name):
    recording = read_recording(samples / name)
    rows = {standard_lead(lead): row for lead, row in zip(recording.leads, recording.signal_mv, strict=True)}
    for lead, (of_i, of_ii) in OF_I_AND_II.items():
        misfit = rows[lead] - (of_i * rows["I"] + of_ii * rows["II"])
        assert np.nanmax(np.abs(misfit)) < LARGEST_MISFIT_MV, lead


@pytest.mark.parametrize("name", [name for name in EXPECTED if "minimum" not in name])
def test_a_sample_meets_the_input_contract(samples, name):
    prepared = prepare_recording(read_recording(samples / name))
    assert prepared.rate_hz == 500
    assert prepared.signal_mv.shape[0] == 12


def test_one_recording_in_two_formats_is_the_same_to_the_last_bit(samples):
    packed, written_out = (read_recording(samples / name) for name in ("scp/Example.scp", "hl7_aecg/example_aecg.xml"))
    assert packed.leads == written_out.leads
    np.testing.assert_array_equal(packed.signal_mv, written_out.signal_mv)


def test_dicom_agrees_with_pydicoms_own_decoding(samples):
    import pydicom

    path = samples / "dicom" / "waveform_ecg.dcm"
    microvolts = pydicom.dcmread(path).waveform_array(0)
    np.testing.assert_allclose(read_recording(path).signal_mv, microvolts.T / 1000, atol=1e-6)
