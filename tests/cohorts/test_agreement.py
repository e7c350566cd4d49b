import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.agreement import agreement, in_words


def test_median_and_limits_of_agreement_over_known_pairs():
    values = np.array([-8.0, *np.linspace(-4, 4, 19), np.nan, np.nan])
    found = agreement(pd.DataFrame({"lvef_percent": values, "lvm_g": np.nan}))
    known = values[:20]
    assert set(found) == {"lvef_percent"}
    one = found["lvef_percent"]
    assert (one["visits"], one["median"]) == (20, np.median(known))
    assert one["low"] == pytest.approx(known.mean() - 1.96 * known.std(ddof=1))
    assert one["high"] == pytest.approx(known.mean() + 1.96 * known.std(ddof=1))
    (line,) = in_words(found)
    assert line.startswith("LVEF: measured here minus UK Biobank's, median -0.2 %, 95 % limits of agreement ")
    assert line.endswith(", 20 visits")


def test_few_visits_have_no_limits():
    assert agreement(pd.DataFrame({"lvm_g": [1.0] * 9})) == {}
    assert agreement(pd.DataFrame(index=range(20))) == {}
