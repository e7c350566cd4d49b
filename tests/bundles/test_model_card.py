from dataclasses import replace
from pathlib import Path

from cardiolens.bundles.bundle import read_bundle
from cardiolens.bundles.model_card import model_card


def test_every_output_has_its_row_with_unit_and_scale(tiny_config):
    card = model_card(tiny_config)
    assert "| d | d | Disease |  | probability; slope 0.9, intercept -2.1, prevalence 7.00% |" in card
    assert "| p | lvef_percent | LVEF | % | mean 60, sd 10 |" in card


def test_a_figure_stands_with_its_interval_subjects_and_events(tiny_config):
    assert "| d | d | auc | 0.800 (0.700 to 0.900) | 100 | 7 | test split |" in model_card(tiny_config)


def test_what_was_not_measured_or_recorded_is_said(tiny_config):
    card = model_card(replace(tiny_config, measurements=(), provenance={}))
    assert "Not measured." in card
    assert "Not recorded." in card


def test_the_card_says_what_it_is_not_for(tiny_config):
    card = model_card(replace(tiny_config, notice="Trained on synthetic hearts. Research use only."))
    assert "**Trained on synthetic hearts. Research use only.**" in card
    assert "not a medical device" in card


def test_the_shared_space_says_what_it_is_worth_and_whose_hearts_are_in_the_bank():
    card = model_card(read_bundle(Path(__file__).parent / "fixtures" / "v3").config)
    assert "Of 100 held-out ECGs 20.0% have their own MRI among the five most similar" in card
    assert "is 40 in the median, where guessing gives 50.5" in card
    assert "holds 2 hearts" in card
    assert "two synthetic hearts." in card
