from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.bundles.bundle import read_bundle, write_bundle
from cardiolens.errors import BadRecording
from cardiolens.formats.wfdb_record import write
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.answers import Answer, Refusal
from cardiolens.serving.many_files import answer_files
from cardiolens.serving.predictor import Predictor
from cardiolens.synthetic.generator import make_subject


@pytest.fixture(scope="module")
def predictor(untrained_bundle):
    return Predictor.from_pretrained(untrained_bundle)


def _numbers(answer: Answer) -> np.ndarray:
    return np.array([risk.probability for risk in answer.risks] + [p.value for p in answer.phenotypes])


def test_an_answer_holds_three_risks_and_61_phenotypes_with_units(predictor, recording):
    answer = predictor(recording)
    assert [risk.name for risk in answer.risks] == ["cad", "af", "dm"]
    assert all(0 < risk.probability < 1 for risk in answer.risks)
    assert tuple(p.column for p in answer.phenotypes) == PHENOTYPE_COLUMNS
    assert all(p.unit for p in answer.phenotypes)
    assert "Research use only" in answer.notice


def test_leads_in_another_order_give_the_same_answer(predictor, recording):
    order = np.random.default_rng(0).permutation(12)
    shuffled = replace(recording, signal_mv=recording.signal_mv[order], leads=tuple(recording.leads[i] for i in order))
    np.testing.assert_array_equal(_numbers(predictor(shuffled)), _numbers(predictor(recording)))


def test_another_heart_gives_another_answer(predictor, recording):
    other = make_subject(seed=5, index=2, with_mri=False).recording
    assert np.abs(_numbers(predictor(other)) - _numbers(predictor(recording))).max() > 1e-3


def test_one_by_one_or_in_a_batch_makes_no_difference(predictor, tmp_path):
    recordings = [make_subject(seed=5, index=k, with_mri=False).recording for k in range(5)]
    recordings[3] = replace(recordings[3], signal_mv=recordings[3].signal_mv[:, :3000])
    paths = [tmp_path / f"r{k}.hea" for k in range(5)]
    for path, held in zip(paths, recordings, strict=True):
        write(path, held)
    together = predictor.predict_files(paths)
    alone = [predictor.predict_files([path])[0] for path in paths]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(_numbers(one), _numbers(other), rtol=0, atol=1e-6)
    reverse = predictor.predict_files(paths[::-1])[::-1]
    assert [a.source for a in reverse] == [a.source for a in together]
    for one, other in zip(reverse, together, strict=True):
        np.testing.assert_allclose(_numbers(one), _numbers(other), rtol=0, atol=1e-6)


def test_a_path_may_be_text_and_one_alone(predictor, recording, tmp_path):
    write(tmp_path / "a.hea", recording)
    (wanted,) = predictor.predict_files([tmp_path / "a.hea"])
    for paths in (tmp_path / "a.hea", str(tmp_path / "a.hea"), [str(tmp_path / "a.hea")]):
        assert predictor.predict_files(paths) == [wanted]


def test_several_processes_give_the_same_answers_in_order_and_refuse_by_name(predictor, untrained_bundle, tmp_path):
    for k in range(20):
        write(tmp_path / f"r{k:02}.hea", make_subject(seed=5, index=k, with_mri=False).recording)
    (tmp_path / "r07.hea").write_text("no header")
    here = predictor.predict_files([tmp_path], sex="F", age_years=61.0)
    there = list(answer_files(untrained_bundle, [tmp_path], processes=2, sex="F", age_years=61.0))
    assert [one.source for one in there] == [one.source for one in here]
    assert len(there) == 20
    assert [one for one in there if isinstance(one, Refusal)] == [here[7]]
    for one, other in zip(there, here, strict=True):
        if isinstance(one, Answer):
            np.testing.assert_allclose(_numbers(one), _numbers(other), rtol=1e-5, atol=1e-6)
            assert one.notes == other.notes
            assert one.reference_for == other.reference_for


def test_a_bad_file_is_refused_by_name_and_the_others_are_answered(predictor, recording, tmp_path):
    write(tmp_path / "good.hea", recording)
    (tmp_path / "1234567_20205_2_0.xml").write_text("<html>no ECG</html>")
    bad, good, missing = predictor.predict_files(
        [tmp_path / "1234567_20205_2_0.xml", tmp_path / "good.hea", tmp_path / "absent.hea"]
    )
    assert isinstance(good, Answer)
    assert isinstance(bad, Refusal)
    assert isinstance(missing, Refusal)
    assert "1234567" not in bad.reason + bad.source
    assert "absent.hea" in missing.reason
    assert "\n" not in bad.reason + missing.reason


def test_a_flat_lead_is_refused(predictor, recording):
    flat = recording.signal_mv.copy()
    flat[7] = 0
    with pytest.raises(BadRecording, match="V2"):
        predictor(replace(recording, signal_mv=flat))


def test_real_files_of_both_formats_are_answered(predictor, shared_data):
    files = [
        shared_data / "ecg/formats/cardiosoft_xml/ukbb_scrubbed.xml",
        *sorted((shared_data / "ecg/ptbxl/records500").glob("*.hea"))[:2],
        *sorted((shared_data / "ecg/formats/wfdb_cinc").glob("*.hea")),
    ]
    answers = predictor.predict_files(files)
    assert [type(answer) for answer in answers] == [Answer] * len(files)


def test_voltage_reaches_a_model_that_reads_it_and_no_other(untrained_bundle, recording, tmp_path):
    plain = read_bundle(untrained_bundle)
    torch.manual_seed(0)
    config = replace(plain.config, model=replace(plain.config.model, scale_input=True))
    layer = {key: torch.randn(value.shape) for key, value in EcgModel(config.model).state_dict().items() if "scale" in key}
    reading = write_bundle(tmp_path / "reading", config, plain.state | layer).path
    louder = replace(recording, signal_mv=2 * recording.signal_mv)
    for path, changes in ((untrained_bundle, False), (reading, True)):
        answers = Predictor.from_pretrained(path)
        difference = np.abs(_numbers(answers(louder)) - _numbers(answers(recording))).max()
        assert (difference > 1e-2) == changes
