from dataclasses import replace

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
