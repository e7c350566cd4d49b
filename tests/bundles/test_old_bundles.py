"""Every bundle layout that was ever written loads and answers as it did then.

`fixtures/v<schema version>/` holds one bundle of random weights per layout and, in `answers.json`, what the program that
wrote it answered for the ECG below. A new layout adds a folder; the folders that are here never change.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cardiolens.bundles.bundle import read_bundle
from cardiolens.bundles.config import SCHEMA_VERSION, BundleConfig

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(p.name for p in FIXTURES.iterdir())


def recorded_ecg(config: BundleConfig) -> torch.Tensor:
    lead, time = np.ogrid[: len(config.input.leads), : config.input.window]
    return torch.tensor(np.sin(0.7 * time + lead)[None], dtype=torch.float32)


def answers(path: Path) -> dict[str, list[float]]:
    bundle = read_bundle(path)
    with torch.no_grad():
        scores = bundle.model()(recorded_ecg(bundle.config))
    found = {}
    for name, score in scores.items():
        card, own = bundle.config.head(name), score.numpy().astype(np.float64)
        found[name] = card.answers(own)[0].tolist()
        if bundle.config.applicability is not None:  # version 1 had no intervals
            for level, limits in card.limits(own).items():
                found |= {f"{name} {level} {side}": side_of[0].tolist() for side, side_of in zip("lh", limits, strict=True)}
        if card.references:
            found["reference"] = list(card.references[0].at(sex="F", age_years=70.0))
    if (space := bundle.shared_space()) is not None:
        picture = torch.linspace(0, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
        with torch.no_grad():
            found["shared space"] = space.of_pictures(picture)[0].tolist()
        found["bank"] = bundle.bank().values[:, :2].ravel().tolist()
    return found


def test_the_newest_layout_has_its_folder():
    assert {f"v{version}" for version in range(1, SCHEMA_VERSION + 1)} == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_bundle_answers_as_it_did_when_it_was_written(version):
    recorded = json.loads((FIXTURES / version / "answers.json").read_text())
    found = answers(FIXTURES / version)
    assert found.keys() == recorded.keys()
    for name, values in recorded.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)


def test_a_bundle_without_intervals_says_so_by_saying_nothing():
    config = read_bundle(FIXTURES / "v1").config
    assert config.applicability is None
    assert config.schema_version == SCHEMA_VERSION
    for card in config.heads:
        for limits in card.limits(np.zeros((1, len(card.columns)))).values():
            assert np.isnan(limits).all()
