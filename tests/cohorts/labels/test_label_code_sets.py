import pandas as pd
import pytest

from cardiolens.cohorts.labels.code_sets import CODE_SETS, Disease, with_extra
from cardiolens.cohorts.labels.codes import codes_match
from cardiolens.errors import BadOption
from cardiolens.tasks import TASKS, TaskKind


def found(code_set: str, code: str) -> set[str]:
    """The diseases of which a code makes a case."""
    diseases = CODE_SETS[code_set].diseases
    return {d.name for d in diseases if codes_match(pd.Series([code]), d.codes, exact=d.exact).all()}


@pytest.mark.parametrize(
    ("code", "diseases"),
    [
        ("I48", {"af"}),
        ("I489", {"af"}),
        ("I251", {"cad"}),
        ("I252", {"cad", "mi"}),
        ("I214", {"cad", "mi"}),
        ("I241", {"cad", "mi"}),
        ("I248", {"cad"}),
        ("I110", {"hf"}),
        ("I119", set()),
        ("I130", {"hf"}),
        ("I131", set()),
        ("I132", {"hf"}),
        ("I43", {"cardiomyopathy"}),
        ("I469", {"scd"}),
        ("I471", set()),
        ("I472", {"scd"}),
        ("I490", {"scd"}),
        ("I499", set()),
        ("R960", {"scd"}),
        ("E149", {"dm"}),
        ("O244", set()),
    ],
)
def test_a_code_makes_a_case_of_its_customary_diseases(code, diseases):
    assert found("customary", code) == diseases


def test_the_customary_set_is_every_disease_on_the_shelf():
    names = {disease.name for disease in CODE_SETS["customary"].diseases}
    assert names == {name for name, task in TASKS.items() if task.kind is TaskKind.CLASSIFICATION}
    assert CODE_SETS["customary"].faults == ()


@pytest.mark.parametrize(
    ("code", "diseases"),
    [
        ("I48", set()),
        ("I489", {"af"}),
        ("I4891", set()),
        ("I471", {"scd"}),
        ("I490", set()),
        ("I251", {"cad", "mi"}),
        ("I219", {"cad"}),
        ("I21", set()),
        ("I200", {"cad"}),
        ("I509", {"hf"}),
        ("I420", {"cardiomyopathy"}),
        ("I430", set()),
        ("E119", set()),
    ],
)
def test_the_published_lists_are_taken_with_their_faults(code, diseases):
    assert found("alvarez_florez", code) == diseases


def test_the_published_lists_say_their_faults():
    faults = " ".join(CODE_SETS["alvarez_florez"].faults)
    assert all(word in faults for word in ("chronic ischaemic", "I471", "bare I48"))


def test_the_published_lists_have_the_published_lengths():
    lengths = {disease.name: len(disease.codes) for disease in CODE_SETS["alvarez_florez"].diseases}
    assert lengths == {"cad": 60, "af": 10, "scd": 20, "hf": 10, "mi": 10, "cardiomyopathy": 10}


def test_a_users_disease_stands_behind_those_of_the_set():
    stroke = Disease("stroke", ("I63",))
    grown = with_extra(CODE_SETS["customary"], [stroke])
    assert grown.diseases == (*CODE_SETS["customary"].diseases, stroke)
    assert grown.name == "customary"


@pytest.mark.parametrize("extra", [["cad"], ["stroke", "stroke"]])
def test_a_name_that_is_taken_is_refused(extra):
    with pytest.raises(BadOption, match=f"--disease: found {extra[-1]}, which is defined already"):
        with_extra(CODE_SETS["customary"], [Disease(name, ("I63",)) for name in extra])
