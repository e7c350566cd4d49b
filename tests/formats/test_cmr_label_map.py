import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.formats.cmr.label_map import NAMED, LabelMap, parse_label_map


def test_the_two_conventions_exchange_the_cavities():
    assert parse_label_map("ukbb") == LabelMap(lv=1, myocardium=2, rv=3)
    assert parse_label_map("acdc") == LabelMap(lv=3, myocardium=2, rv=1)


def test_numbers_are_read_in_any_order_and_named_where_they_have_a_name():
    assert parse_label_map("rv=600, myocardium=200,lv=500") == LabelMap(lv=500, myocardium=200, rv=600)
    assert parse_label_map("lv=3,myocardium=2,rv=1").name == "acdc"
    assert parse_label_map("lv=5,myocardium=2,rv=1").name == "lv=5,myocardium=2,rv=1"


@pytest.mark.parametrize(
    "text",
    ["", "mms", "lv=1,rv=3", "lv=1,lv=2,rv=3", "lv=1,myocardium=1,rv=3", "lv=0,myocardium=2,rv=3", "lv=1,myo=2,rv=3", "1,2,3"],
)
def test_anything_else_is_refused_and_never_guessed(text):
    with pytest.raises(BadOption, match="ukbb, acdc, or three different numbers"):
        parse_label_map(text)


def test_numbers_become_this_projects_labels():
    labels = np.array([0, 1, 2, 3, 9])
    assert NAMED["acdc"].applied(labels).tolist() == [0, 3, 2, 1, 0]
    assert NAMED["ukbb"].applied(labels).tolist() == [0, 1, 2, 3, 0]


def test_all_orders_of_the_numbers_are_tried_with_the_given_one_first():
    maps = NAMED["acdc"].permuted()
    assert maps[0] == NAMED["acdc"]
    assert NAMED["ukbb"] in maps
    assert len(set(maps)) == 6
