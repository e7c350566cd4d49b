from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cardiolens.cohorts.synthetic_scans import motion_smear
from cardiolens.recipes import smoke
from cardiolens.study import heat_maps
from cardiolens.study.heat_maps import write_heat_maps
from cardiolens.training.run import Run
from cardiolens.training.similarity import FROM_THE_TOP, LocalSimilarity
from cardiolens.training.train import train

END_SYSTOLE, MID, END_DIASTOLE = range(3)


@pytest.fixture(scope="module")
def places(tiny_cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    config = replace(smoke.mmcl(), training=replace(smoke.mmcl().training, epochs=1, warmup_epochs=0.0))
    other = replace(config, training=replace(config.training, seed=1))
    return {"A": train(config, tiny_cohort, out / "a").path, "B": train(other, tiny_cohort, out / "b").path}


@pytest.fixture(scope="module")
def written(tiny_cohort, places, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps")
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


def test_as_many_subjects_count_as_are_asked_for(places, tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(heat_maps, "local_similarity", Told(places))
    write_heat_maps(places, tiny_cohort, "all", tmp_path, most=7)
    assert set(pd.read_csv(tmp_path / "retrieval.csv")["subjects"]) == {7}
    whole = pd.read_csv(tmp_path / "localisation.csv")
    assert set(whole.loc[whole["maps"] != "untrained", "n"]) == {7}


class Told:
    """In place of `local_similarity`: maps that tell which model was asked, and about whose ECGs.

    The heart is the upper left quarter. A run's maps of its own pairs are positive there alone, those of exchanged pairs in the
    lower right quarter, those of random weights in both quarters on the left, twice as much in the lower one.
    """

    def __init__(self, places):
        self._weights = {name: Run.open(place).weights() for name, place in places.items()}
        self.fresh: list[dict[str, torch.Tensor]] = []

    def __call__(self, method, cohort, rows, *, ecg_rows=None, progress=None):
        """Maps of every row, positive at one cell's distance from the borders of quarters: what is enlarged stays within."""
        weights = {name: weight for name, weight in method.state_dict().items() if name.startswith(FROM_THE_TOP)}
        matrices = {name: weight for name, weight in weights.items() if weight.ndim > 1 and name.endswith("weight")}
        runs = [name for name, own in self._weights.items() if all(torch.equal(own[key], matrices[key]) for key in matrices)]
        cells = np.zeros((14, 14), np.float32)
        if not runs:
            assert ecg_rows is None, "random weights are asked about a subject's own ECG"
            self.fresh.append(matrices)
            cells[1:6, 1:6], cells[8:13, 1:6] = 0.4, 0.8
        elif ecg_rows is None:
            cells[1:6, 1:6] = {"A": 0.8, "B": 0.4}[runs[0]]
        else:
            assert sorted(ecg_rows) == sorted(rows), "everybody's ECG is given away once"
            assert (ecg_rows != rows).all(), "and to somebody else"
            cells[8:13, 8:13] = 0.8
        subjects = cohort.subjects["subject"].to_numpy(str)[rows]
        return LocalSimilarity(subjects, rows, np.tile(cells, (len(rows), 1, 1)), np.zeros((len(rows), 12, 5), np.float32))


@pytest.fixture
def told(tiny_cohort, places, tmp_path, monkeypatch):
    """What is written about hearts that fill the upper left quarter at mid phase, and another one at the other phases."""
    told, drawn = Told(places), []
    size = tiny_cohort.cmr.shape[2]
    masks = np.zeros((len(tiny_cohort.subjects), 3, size, size), np.uint8)
    masks[:, MID, : size // 2, : size // 2] = 2
    masks[:, [END_SYSTOLE, END_DIASTOLE], size // 2 :, size // 2 :] = 2
    real = heat_maps.similarity_figure
    monkeypatch.setattr(heat_maps, "local_similarity", told)
    monkeypatch.setattr(heat_maps, "synthetic_masks", lambda cohort, rows, progress: masks[rows])
    monkeypatch.setattr(heat_maps, "similarity_figure", lambda shown: drawn.extend(shown) or real(shown))
    write_heat_maps(places, tiny_cohort, "all", tmp_path)
    return tmp_path, told.fresh, drawn


def test_every_row_of_the_table_is_of_the_maps_that_it_names(told):
    table = pd.read_csv(told[0] / "localisation.csv", keep_default_na=False)
    inside = {"trained": 1.0, "ECG of another": 0.0, "untrained": 1 / 3, "chance": 0.25}
    pointing = inside | {"untrained": 0.0}
    for _, of_model in table.groupby("model"):
        for measure, alone in (("inside_share", inside), ("pointing", pointing)):
            found = of_model[of_model["measure"] == measure].set_index(["maps", "minus"])["value"]
            compared = {("trained", other): alone["trained"] - alone[other] for other in alone if other != "trained"}
            expected = {(kind, ""): value for kind, value in alone.items()} | compared
            assert found.to_dict() == pytest.approx(expected, abs=1e-6)


def test_what_is_left_of_a_map_is_asked_of_random_weights_and_not_of_exchanged_pairs(told):
    table = pd.read_csv(told[0] / "sanity.csv")
    found = table[table["measure"] == "rank_correlation"]
    assert list(found["model"]) == ["A", "B"]
    assert (found["randomised"] == "all weights").all()
    assert (found["draws"] == 3).all()
    # Quarters that overlap in half of their cells; those of exchanged pairs share none, which would be below zero.
    assert (found["value"] > 0.5).all()


def test_random_weights_are_three_different_draws_per_model(told):
    assert len(told[1]) == 6
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert all(not torch.equal(told[1][one][name], told[1][other][name]) for name in told[1][0])


def test_the_figure_shows_the_mid_phase_and_every_models_own_maps(told, tiny_cohort):
    _, _, drawn = told
    size = tiny_cohort.cmr.shape[2]
    pictures = {picture.tobytes() for picture in tiny_cohort.cmr[:, MID]}
    names = ["ordinary", "coronary occlusion", "motion artefact", "extreme morphology"]
    assert [subject.name for subject in drawn] == names
    (moved,) = np.flatnonzero(motion_smear(tiny_cohort, np.arange(len(tiny_cohort.subjects))))
    assert drawn[2].picture.tobytes() == tiny_cohort.cmr[moved, MID].tobytes()
    for subject in drawn:
        assert subject.picture.tobytes() in pictures
        assert {name: float(cells.max()) for name, cells in subject.maps.items()} == pytest.approx({"A": 0.8, "B": 0.4})
        assert subject.heart[: size // 2, : size // 2].all()
        assert subject.heart.sum() == (size // 2) ** 2
