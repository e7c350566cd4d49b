"""The bundle in the package: whole, small, labelled, and made by today's generator and recipe."""

import pytest

from cardiolens.bundles.bundle import read_bundle, shipped_bundle_path
from cardiolens.bundles.provenance import outdated
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.recipes import shipped

MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(shipped_bundle_path())


def test_generator_and_recipe_are_those_that_made_the_shipped_bundle(bundle):
    # Where this fails, the code that draws synthetic hearts or the recipe has changed: `make bundle`.
    assert outdated(bundle.config.provenance, **shipped.sources()) == ()


def test_the_shipped_bundle_is_small():
    assert sum(file.stat().st_size for file in shipped_bundle_path().iterdir()) < MOST_BYTES


def test_the_shipped_bundle_answers_every_task_and_says_what_it_is(bundle):
    columns = [column for card in bundle.config.heads for column in card.columns]
    assert columns == ["cad", "af", "dm", *PHENOTYPE_COLUMNS]
    assert "synthetic" in bundle.config.training_data
    assert "Research use only" in bundle.config.notice
    assert bundle.config.measurements


def test_the_shipped_encoder_has_the_papers_size(bundle):
    encoder = bundle.config.model.encoder
    assert (encoder.width, encoder.depth, encoder.heads) == (384, 3, 6)
