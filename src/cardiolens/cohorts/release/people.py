"""One synthetic person as cells of the main table: visits, body, measurements, phenotypes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cardiolens.cohorts.release.numbers import Chances
from cardiolens.cohorts.release.table import Value
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.synthetic.generator import SyntheticSubject

_IMAGING_FROM, _IMAGING_DAYS = date(2014, 5, 1), 2070
_BASELINE_DAYS = (5 * 365, 9 * 365)
_REPEAT_DAYS = (2 * 365, 3 * 365)
_YEAR = 365.25
_CENTRES = (11025, 11026, 11027, 11028)
_ETHNICITIES = ((0.92, 1001), (0.95, 1003), (0.97, 3001), (0.98, 4001), (0.99, 5), (1.0, -3))
_WILL_NOT_SAY = -3
_INTERVALS = {"qrs": 12340, "pq": 22330, "qt": 22331, "qtc": 22332, "rr": 22333}
# The scanner's own contours take too little myocardium at end-systole: known to be biased, as in the original.
_INLINE_EDV, _INLINE_ESV = 1.04, 1.15
_CENTIMETRES, _KILOGRAMS = ("50", "12144"), ("21002", "12143")


@dataclass(frozen=True)
class Visit:
    """One imaging visit and which files it left."""

    instance: int
    """2 for the first, 3 for the repeated one."""
    taken_at: datetime
    has_ecg: bool
    has_mri: bool

    @property
    def number(self) -> int:
        """0 for the first, as the generator counts."""
        return self.instance - 2


def imaging_visits(chances: Chances, shares: Mapping[str, float], *, with_mri: bool) -> list[Visit]:
    """The visits of a person; `shares` of people have a repeated visit, an ECG and an MRI."""
    first = _IMAGING_FROM + timedelta(days=int(chances.first_visit * _IMAGING_DAYS))
    visits = [
        Visit(2, _morning(first), chances.has_ecg < shares["ecg"], with_mri and chances.has_mri < shares["mri"]),
    ]
    if chances.has_second_visit < shares["repeat"]:
        again = first + timedelta(days=_between(_REPEAT_DAYS, chances.second_visit_gap))
        visits.append(Visit(3, _morning(again), True, with_mri and chances.second_visit_has_mri < shares["mri"]))
    return visits


def age_years(subject: SyntheticSubject, visits: list[Visit], visit: Visit) -> float:
    """Age at a visit; the generator's is that at the first."""
    return float(subject.covariates["age_years"]) + (visit.taken_at - visits[0].taken_at).days / _YEAR


def person_cells(subject: SyntheticSubject, visits: list[Visit], chances: Chances, *, missing_share: float) -> dict[str, Value]:
    """Everything but diagnoses and what was measured from an ECG or MRI."""
    covariates = subject.covariates
    first = visits[0].taken_at.date()
    baseline = first - timedelta(days=_between(_BASELINE_DAYS, chances.second_visit_gap))
    born = first - timedelta(days=int(float(covariates["age_years"]) * _YEAR))
    cells: dict[str, Value] = {
        "31-0.0": int(covariates["sex"] == "M"),
        "34-0.0": born.year,
        "52-0.0": born.month,
        "53-0.0": baseline.isoformat(),
        "54-0.0": 11010,
        "21003-0.0": int((baseline - born).days / _YEAR),
        "21000-0.0": next(code for below, code in _ETHNICITIES if chances.ethnicity <= below),
    }
    for visit in visits:
        i = visit.instance
        cells[f"53-{i}.0"] = visit.taken_at.date().isoformat()
        cells[f"54-{i}.0"] = _CENTRES[int(chances.centre * len(_CENTRES))]
        cells[f"21003-{i}.0"] = int(age_years(subject, visits, visit))
        cells |= _body(covariates, i, chances, missing_share)
        smoked = 1 if covariates["smoker"] else 0
        cells[f"20116-{i}.0"] = _WILL_NOT_SAY if chances.will_not_say_smoking < missing_share else smoked
    return cells


def ecg_cells(intervals_ms: Mapping[str, float], instance: int) -> dict[str, Value]:
    """The table's twins of what stands in the ECG file."""
    cells: dict[str, Value] = {f"{_INTERVALS[name]}-{instance}.0": value for name, value in intervals_ms.items()}
    return cells | ({f"12336-{instance}.0": round(60_000 / intervals_ms["rr"])} if "rr" in intervals_ms else {})


def mri_cells(subject: SyntheticSubject, instance: int, chances: Chances, *, missing_share: float) -> dict[str, Value]:
    """The 61 phenotypes and the scanner's own volumes. Of some people only volumes exist, of some neither."""
    phenotypes = subject.phenotypes
    edv, esv = _INLINE_EDV * phenotypes["lvedv_ml"], _INLINE_ESV * phenotypes["lvesv_ml"]
    rate = float(subject.covariates["heart_rate_bpm"])
    surface = 0.007184 * float(subject.covariates["weight_kg"]) ** 0.425 * float(subject.covariates["height_cm"]) ** 0.725
    inline = {22420: 100 * (1 - esv / edv), 22421: edv, 22422: esv, 22423: edv - esv, 22424: (edv - esv) * rate / 1000}
    inline |= {22426: float(round(rate)), 22427: surface}
    cells: dict[str, Value] = {f"{field}-{instance}.0": round(value, 2) for field, value in inline.items()}
    if chances.no_phenotypes < missing_share:
        return cells
    for phenotype in PHENOTYPES:
        regional = phenotype.group in {"WT", "Ecc", "Err"}
        if not (regional and chances.no_regional_phenotypes < missing_share):
            cells[f"{phenotype.ukb_field}-{instance}.0"] = round(phenotypes[phenotype.column], 2)
    return cells


def _body(covariates: Mapping[str, float | str], instance: int, chances: Chances, missing_share: float) -> dict[str, Value]:
    height, weight = float(covariates["height_cm"]), float(covariates["weight_kg"])
    cells: dict[str, Value] = {}
    has_height, has_weight = chances.no_height >= missing_share, chances.no_weight >= missing_share
    if has_height:
        cells |= {f"{field}-{instance}.0": round(height, 1) for field in _CENTIMETRES}
    if has_weight:
        cells |= {f"{field}-{instance}.0": round(weight, 1) for field in _KILOGRAMS}
    if has_height and has_weight:
        cells[f"21001-{instance}.0"] = round(weight / (height / 100) ** 2, 4)
    if chances.no_pressure >= missing_share:
        for field, name in ((4080, "systolic_bp_mmhg"), (4079, "diastolic_bp_mmhg")):
            # Two readings, the first a little higher.
            cells |= {f"{field}-{instance}.{k}": round(float(covariates[name]) + 2 - 4 * k) for k in (0, 1)}
    return cells


def _between(days: tuple[int, int], share: float) -> int:
    return int(days[0] + share * (days[1] - days[0]))


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 30, 0)
