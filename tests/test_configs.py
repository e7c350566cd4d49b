import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import pytest

from cardiolens.configs import LATER, Kinds, digest, from_json, to_json
from cardiolens.errors import BadOption


class Shape(Kinds):
    pass


@dataclass(frozen=True)
class Disc(Shape):
    radius: float = 1.0


@dataclass(frozen=True)
class Box(Shape):
    sides: tuple[float, ...] = (1.0, 2.0)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Drawing:
    shape: Shape
    colour: Colour = Colour.RED
    limit: float = math.inf


def test_settings_survive_the_way_to_json_and_back():
    for drawing in (Drawing(Disc(2.0)), Drawing(Box((3.0,)), limit=1.0)):
        assert from_json(Drawing, to_json(drawing), source="config.json") == drawing


@pytest.mark.parametrize("change", [{"color": "red"}, {"shape": {"kind": "Cone"}}, {"shape": {"kind": "Disc", "size": 1}}])
def test_unknown_keys_and_kinds_are_refused_by_name(change):
    stored = to_json(Drawing(Disc())) | change
    with pytest.raises(BadOption, match=r"config\.json.*(color|Cone|size)"):
        from_json(Drawing, stored, source="config.json")


def test_the_digest_changes_with_any_setting():
    drawing = Drawing(Disc())
    assert digest(drawing) == digest(Drawing(Disc()))
    assert len({digest(drawing), digest(replace(drawing, limit=2.0)), digest(Drawing(Disc(2.0))), digest(Drawing(Box()))}) == 4


@dataclass(frozen=True)
class Ring(Shape):
    radius: float = 1.0
    hole: float = field(default=0.0, metadata=LATER)


@dataclass(frozen=True)
class Page:
    rings: tuple[Shape, ...]
    margin: float = field(default=2.0, metadata=LATER)


def test_a_field_that_came_later_is_stored_only_where_it_is_used():
    page = Page((Ring(), Ring(hole=0.5)))
    stored = to_json(page)
    assert stored == {"rings": [{"kind": "Ring", "radius": 1.0}, {"kind": "Ring", "radius": 1.0, "hole": 0.5}]}
    assert to_json(replace(page, margin=3.0)) == stored | {"margin": 3.0}
    for one in (page, replace(page, margin=3.0)):
        assert from_json(Page, to_json(one), source="page.json") == one
    assert digest(page) != digest(replace(page, margin=3.0))


@dataclass(frozen=True)
class Narrow:
    width: int

    def __post_init__(self) -> None:
        if self.width > 3:
            raise ValueError(f"a width of {self.width} does not fit")


def test_what_a_configuration_says_of_its_own_values_reaches_the_user():
    with pytest.raises(BadOption, match="a width of 4 does not fit"):
        from_json(Narrow, {"width": 4}, source="config.json")
