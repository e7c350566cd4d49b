from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cardiolens.recipes import smoke
from cardiolens.study.heat_maps import write_heat_maps
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def written(tiny_cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps")
    config = replace(smoke.mmcl(), training=replace(smoke.mmcl().training, epochs=1, warmup_epochs=0.0))
    other = replace(config, training=replace(config.training, seed=1))
    places = {"A": train(config, tiny_cohort, out / "a").path, "B": train(other, tiny_cohort, out / "b").path}
    return out, write_heat_maps(places, tiny_cohort, "all", out)


def test_maps_and_their_numbers_are_written(written):
    out, paths = written
    assert {path.name for path in paths} == {"figure_6_heat_maps.png", "retrieval.csv", "localisation.csv", "sanity.csv"}
    picture = np.asarray(Image.open(out / "figure_6_heat_maps.png"))
    assert picture.shape[0] > 4 * 150
    assert picture.std() > 5


def test_every_map_is_held_against_chance_other_people_and_random_weights(written):
    out, _ = written
    table = pd.read_csv(out / "localisation.csv")
    assert set(table["model"]) == {"A", "B"}
    assert {"trained", "ECG of another", "untrained", "chance"} <= set(table["maps"])
    assert {"ECG of another", "untrained", "chance"} <= set(table["minus"].dropna())


def test_retrieval_goes_both_ways(written):
    out, _ = written
    table = pd.read_csv(out / "retrieval.csv")
    assert set(table["direction"]) == {"image_to_ecg", "ecg_to_image"}
    assert {"recall_at_1", "recall_at_5", "recall_at_10", "median_rank"} == set(table["measure"])
    assert table["value"].between(0, 100).all()
