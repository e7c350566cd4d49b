"""Where there is nothing to be found, the report finds nothing, as often as it says: over 200 permutations of the labels."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom
from whole_content import made_up_content

from cardiolens.evaluation.added_value import added_value
from cardiolens.evaluation.combination import Methods, mean_log_odds
from cardiolens.evaluation.differences import differences
from cardiolens.evaluation.gaps import gaps
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.subgroups import risk_subgroups

PERMUTATIONS = 200
LEVEL = 0.05


@pytest.fixture(scope="module")
def said():
    """How often something was said to be there although the labels of the test subjects had been exchanged among them."""
    content = made_up_content(values=())
    few = content.subjects["subject"].iloc[:1400]  # 500 of the test subjects are enough, and quick
    content = dataclasses.replace(content, predictions=content.predictions[content.predictions["subject"].isin(few)])
    found = dict.fromkeys(("auc", "difference", "adjusted", "gap", "added"), 0)
    tested = (content.predictions["split"] == "test").to_numpy()
    names = content.predictions.loc[tested, "subject"].unique()
    rng = np.random.default_rng(11)
    for _ in range(PERMUTATIONS):
        other = dict(zip(names, rng.permutation(names), strict=True))
        predictions = content.predictions.copy()
        labels = predictions[tested].drop_duplicates(["subject", "column"]).set_index(["subject", "column"])["target"]
        keys = [(other[s], c) for s, c in predictions.loc[tested, ["subject", "column"]].itertuples(index=False)]
        predictions.loc[tested, "target"] = labels.loc[keys].to_numpy()
        cad = predictions[predictions["column"] == "cad"]
        auc = evaluate(cad[cad["method"] == "MMCL"], split="test").query("metric == 'auroc' and seed == 0").iloc[0]
        found["auc"] += not auc["low"] <= 0.5 <= auc["high"]
        compared = differences(cad, reference="MMCL", rng=rng, metrics=("auroc",))
        found["difference"] += compared.set_index("method").loc["MDM", "p"] < LEVEL
        found["adjusted"] += (compared["p_holm"] < LEVEL).any()
        evidence = Evidence(dataclasses.replace(content, predictions=cad, detailed_method="MMCL"))
        table = risk_subgroups([one for one in evidence.risks if one.method == "MMCL"], content.subjects)
        found["gap"] += (gaps(table[table["metric"] == "auroc"])["p_holm"] < LEVEL).any()
        added = added_value(mean_log_odds(cad), Methods("MMCL"))
        found["added"] += added.loc[added["measure"] == "likelihood_ratio", "p"].iloc[0] < LEVEL
    return found


@pytest.mark.parametrize("statement", ["auc", "difference", "added"])
def test_no_evidence_is_said_in_95_of_100(said, statement):
    low, high = binom.ppf((0.001, 0.999), PERMUTATIONS, LEVEL)
    assert low <= said[statement] <= high, said


@pytest.mark.parametrize("statement", ["adjusted", "gap"])
def test_several_tests_together_find_something_no_more_often(said, statement):
    # Holm promises at most the level; tests that go together stay below it.
    assert said[statement] <= binom.ppf(0.999, PERMUTATIONS, LEVEL), said
