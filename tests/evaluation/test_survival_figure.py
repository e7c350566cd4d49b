import numpy as np
from decoded import pixels

from cardiolens.evaluation.canvas import CYCLE
from cardiolens.evaluation.survival import DAYS_PER_YEAR, kaplan_meier, tertiles
from cardiolens.evaluation.survival_figure import numbers_by_tertile, risk_by_tertile


def _people(num: int, *, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    score = rng.normal(size=num)
    ill, censored = rng.exponential(20_000 * np.exp(-slope * score)), rng.uniform(500, 4_000, size=num)
    return score, np.minimum(ill, censored), ill <= censored


def _line(picture: np.ndarray, third: int) -> np.ndarray:
    """Where a picture holds the very colour of a third's line, to the right of its legend: (row, column) of each pixel."""
    color = [int(CYCLE[third][k : k + 2], 16) for k in (1, 3, 5)]
    places = np.argwhere((np.abs(picture - color) < 12).all(axis=2))
    return places[places[:, 1] > picture.shape[1] * 0.45]


def test_the_highest_third_falls_ill_most():
    picture = pixels(risk_by_tertile(*_people(600, slope=1.0), title="AF"))
    lowest, middle, highest = (_line(picture, third)[:, 0].mean() for third in range(3))
    assert highest < middle - 10 < lowest - 20


def test_lines_differ_without_their_colours():
    picture = pixels(risk_by_tertile(*_people(600, slope=1.0), title="AF"))
    whole, dashed = (len(set(_line(picture, third)[:, 1])) for third in (0, 1))
    assert dashed < 0.9 * whole


def test_the_same_people_give_the_same_bytes():
    assert risk_by_tertile(*_people(120, slope=1.0), title="AF") == risk_by_tertile(*_people(120, slope=1.0), title="AF")


def test_where_nobody_falls_ill_or_all_score_alike_there_is_a_picture_still():
    score, days, event = _people(60, slope=1.0)
    for one in ((score, days, np.zeros(60, dtype=bool)), (np.zeros(60), days, event), (score[:1], days[:1], event[:1])):
        assert pixels(risk_by_tertile(*one, title="AF")).size


def test_the_points_are_those_of_the_curves_at_even_times():
    score, days, event = _people(900, slope=1.0)
    table = numbers_by_tertile(score, days, event)
    assert (table.groupby("third")["years"].diff().dropna().round(6) == table["years"].iloc[1].round(6)).all()
    highest = tertiles(score) == 2
    curve = kaplan_meier(days[highest], event[highest])
    row = table[table["third"] == "highest third"].iloc[-1]
    last = np.flatnonzero(curve.days <= row["years"] * DAYS_PER_YEAR)[-1]
    expected = [1 - one[last] for one in (curve.free, curve.high, curve.low)]
    assert row[["fallen_ill", "low", "high"]].tolist() == expected
    assert row["at_risk"] == (days[highest] >= row["years"] * DAYS_PER_YEAR).sum()


def test_the_points_name_no_few_people():
    score, days, event = _people(900, slope=1.0)
    table = numbers_by_tertile(score, days, event)
    assert (table["at_risk"] >= 10).all()
    for third, name in enumerate(("lowest third", "middle third", "highest third")):
        part, inside = table[table["third"] == name], event & (tertiles(score) == third)
        fallen = np.array([(days[inside] <= years * DAYS_PER_YEAR).sum() for years in part["years"]])
        assert (part["fallen_ill"].notna() == (fallen >= 10)).all()
        assert part["fallen_ill"].notna().any()
