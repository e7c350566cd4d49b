"""The reference is made from docstrings: every public name is in it, with what it says of itself."""

import inspect
import runpy
from pathlib import Path

import pytest

import cardiolens

pytest.importorskip("pdoc", reason="the extra `docs` is not installed")
SCRIPT = runpy.run_path(str(Path(__file__).resolve().parent.parent / "scripts" / "api_reference.py"))


def test_every_public_name_is_in_the_reference_with_its_docstring(tmp_path):
    homes = sorted(set(cardiolens._HOMES.values()))
    SCRIPT["write_reference"](tmp_path, homes)
    for name, home in cardiolens._HOMES.items():
        page = (tmp_path / f"{home.replace('.', '/')}.html").read_text()
        assert f'id="{name}"' in page, name
        first = inspect.getdoc(getattr(cardiolens, name)).split("\n")[0].split("`")[0][:30]
        assert first.replace('"', "&quot;") in page, name
    assert (tmp_path / "index.html").is_file()


def test_all_rooms_but_the_verbs_are_documented():
    modules = SCRIPT["every_module"]()
    assert {"cardiolens", "cardiolens.serving", "cardiolens.methods", "cardiolens.types"} <= set(modules)
    assert not [name for name in modules if name.startswith("cardiolens.cli")]
