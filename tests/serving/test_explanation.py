"""Leads and waves, look-alikes and the map over an MRI. What the shipped model's maps are worth is tested with it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import spearmanr

from cardiolens.bundles.bundle import read_bundle, shipped_bundle_path
from cardiolens.cli import main
from cardiolens.errors import BadOption
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.explanation import Explainer, saliency
from cardiolens.serving.explanation_output import explanation_html, explanation_json, saliency_in_words, worth_of
from cardiolens.signals.beat_stretches import beat_stretches, flattened
from cardiolens.synthetic.generator import make_subject
from cardiolens.training.predict import embed_and_score


@pytest.fixture(scope="module")
def shipped():
    return Explainer(read_bundle(shipped_bundle_path()))


@pytest.fixture(scope="module")
def subject():
    return make_subject(seed=77, index=3, with_mri=False)


@pytest.fixture(scope="module")
def ecg(shipped, subject):
    return shipped.predictor.intake().any(subject.recording)


@pytest.fixture(scope="module")
def explained(shipped, ecg):
    return shipped.explain(ecg, shipped.target("LVM"))


def test_each_share_is_the_answer_minus_that_without_the_part(explained, shipped, ecg):
    of, model = explained.saliency, shipped.predictor.model
    stretches = beat_stretches(ecg.recording.signal_mv)
    flat = flattened(ecg.ecg, stretches)
    place = of.target.place

    def answer(signal, scale_mv=ecg.scale_mv):
        with torch.inference_mode():
            score = embed_and_score(model, torch.from_numpy(signal)[None], torch.from_numpy(scale_mv)[None])[1][0, place]
        return float(score) * of.target.per_score + of.target.at_zero

    whole = answer(ecg.ecg)
    for lead, stretch in ((7, 2), (0, 0), (11, 6)):
        changed = ecg.ecg.copy()
        changed[lead, stretches == stretch] = flat[lead, stretches == stretch]
        assert of.of_waves[lead, stretch] == pytest.approx(whole - answer(changed), abs=2e-3)
    changed = ecg.ecg.copy()
    changed[7] = flat[7]
    assert of.of_leads[7] == pytest.approx(whole - answer(changed), abs=2e-3)
    ordinary = np.exp(np.array([-2.4, -2.5, -1.75], np.float32))
    assert of.of_voltage == pytest.approx(whole - answer(ecg.ecg, ordinary), abs=2e-3)


def test_the_answer_explained_is_the_answer_given(explained, shipped, ecg):
    given = {one.column: one.value for one in explained.answer.phenotypes}
    assert explained.saliency.answer == pytest.approx(given["lvm_g"], rel=1e-4)
    log_odds = saliency(shipped.predictor.model, ecg, shipped.target("cad")).answer
    assert expit(log_odds) == pytest.approx(explained.answer.risks[0].probability, rel=1e-3)


def _randomised(model, seed):
    """A model of the same sizes that has learned nothing. Heads near zero would explain nothing at all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = EcgModel(model.config)
    for name, parameter in fresh.named_parameters():
        if name.startswith("heads.") and parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(seed))
    return fresh.eval()


def test_a_model_without_any_learning_draws_another_map(shipped, ecg, explained):
    # The sanity check of Adebayo et al. 2018: a map that survives random weights shows the signal and not the model.
    learned = explained.saliency.of_waves.ravel()
    fresh = [_randomised(shipped.predictor.model, seed) for seed in range(3)]
    others = [saliency(model, ecg, explained.saliency.target).of_waves.ravel() for model in fresh]
    assert max(spearmanr(np.abs(learned), np.abs(other)).statistic for other in others) < 0.6
    assert max(abs(np.corrcoef(learned, other)[0, 1]) for other in others) < 0.5


def test_a_target_is_found_by_column_or_name_and_others_are_listed(shipped):
    assert shipped.target("lvef").column == shipped.target("LVEF_percent").column == "lvef_percent"
    assert shipped.target("Coronary artery disease").column == "cad"
    with pytest.raises(BadOption, match="LVEDV"):
        shipped.target("ejection")


def test_look_alikes_are_hearts_of_the_bank_nearest_first(explained, shipped):
    bank = shipped.bundle.bank()
    assert len(explained.lookalikes) == 5
    assert all(one.name in bank.names for one in explained.lookalikes)
    cosines = [one.cosine for one in explained.lookalikes]
    assert cosines == sorted(cosines, reverse=True)
    assert {"age_years", "male", "lvm_g"} <= explained.lookalikes[0].values.keys()


def test_what_look_alikes_are_worth_is_said_beside_what_guessing_finds(shipped):
    card = shipped.config.shared_space
    said = worth_of(shipped.config)
    assert f"{card.recall_at_5:.1%} had their own MRI among the five nearest" in said
    assert f"guessing finds it for {5 / card.subjects:.1%} (5 of {card.subjects})" in said


def test_shares_of_a_percentage_are_percentage_points_and_the_voltage_stands_apart(shipped, explained):
    lvef, lvm = shipped.target("LVEF"), shipped.target("LVM")
    assert (lvef.unit, lvef.unit_of_shares, lvm.unit_of_shares) == ("%", "percentage points", "g")
    of_lvef = replace(explained.saliency, target=lvef, of_voltage=-3.5)
    leads, voltage = saliency_in_words(of_lvef).split("; ")
    assert "voltage" not in leads
    assert voltage == "the voltage as a whole adds −3.5 percentage points."
    assert saliency_in_words(replace(of_lvef, of_voltage=None)).endswith(" percentage points.")


def test_an_mri_gets_a_map(shipped, ecg, tiny_cohort):
    found = shipped.explain(ecg, shipped.target("LVEF"), picture=np.array(tiny_cohort.cmr[0])).places
    assert found.picture.shape[0] == 3
    assert np.abs(found.cosines).max() <= 1 + 1e-5
    assert found.cosines.std() > 0


def test_a_bundle_without_shared_space_answers_and_refuses_an_mri(untrained_bundle, recording):
    plain = Explainer(read_bundle(untrained_bundle))
    ready = plain.predictor.intake().any(recording)
    found = plain.explain(ready, plain.target("LVEF"))
    assert (found.lookalikes, found.places) == ((), None)
    with pytest.raises(BadOption, match="shared space"):
        plain.explain(ready, plain.target("LVEF"), picture=np.zeros((3, 64, 64), np.uint8))


def test_page_and_values_say_the_same(explained, shipped):
    told = explanation_json(explained)
    json.dumps(told)
    page = explanation_html(explained, shipped.config)
    assert "Research use only" in page
    assert told["saliency_words"] == saliency_in_words(explained.saliency)
    assert told["saliency_words"].replace("+", "&#43;") in page.replace("+", "&#43;")
    assert page.count("<figure>") == 1 + 5
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert told["of_waves"]["V2"] == explained.saliency.of_waves[7].tolist()


@pytest.mark.parametrize("suffix", ["html", "png", "json"])
def test_the_verb_writes_each_form(tmp_path, recording, suffix, capsys):
    np.save(tmp_path / "ecg.npy", recording.signal_mv)
    out = tmp_path / f"out.{suffix}"
    leads = ",".join(recording.leads)
    said = ["--rate", "500", "--unit", "mV", "--lead-names", leads]
    assert main(["explain", str(tmp_path / "ecg.npy"), *said, "--for", "rvef", "--out", str(out)]) == 0
    assert out.read_bytes().startswith({"html": b"<!DOCTYPE", "png": b"\x89PNG", "json": b'{"answer"'}[suffix])
    assert "Research use only" in capsys.readouterr().out


def test_a_misspelt_target_or_suffix_is_said_in_one_line(tmp_path, recording, capsys):
    np.save(tmp_path / "ecg.npy", recording.signal_mv)
    with pytest.raises(SystemExit):
        main(["explain", str(tmp_path / "ecg.npy"), "--out", str(tmp_path / "a.pdf")])
    assert "expected .html" in capsys.readouterr().err
    leads = ",".join(recording.leads)
    arguments = ["explain", str(tmp_path / "ecg.npy"), "--rate", "500", "--unit", "mV", "--lead-names", leads, "--for", "LVXX"]
    assert main([*arguments, "--out", str(tmp_path / "a.html")]) == 2
    assert "choose one of" in capsys.readouterr().err
