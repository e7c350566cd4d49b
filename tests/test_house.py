"""The house rules that a machine can keep: floors, sizes, names, shelves, the README's map, privacy of the tree."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "cardiolens"
FLOORS = {
    "types": 0, "errors": 0, "atomic": 0, "privacy": 0, "batch": 0, "keyed_random": 0, "configs": 0, "progress": 0,
    "source_digest": 0, "uncertainty": 0, "parallel": 0, "cluster": 0, "notice": 0, "spreadsheet": 0,
    "signals": 1, "imaging": 1, "nn": 1,
    "formats": 2, "tasks": 2, "synthetic": 2,
    "methods": 3, "cohorts": 3, "bundles": 3,
    "training": 4, "evaluation": 4,
    "recipes": 5, "serving": 5,
    "study": 6, "account": 6,
    "cli": 7,
}  # fmt: skip
GROUND = {room for room, floor in FLOORS.items() if floor == 0}
FORBIDDEN = {"utils", "util", "common", "helpers", "misc"}
MOST_LINES = 300
LONGER_WITH_REASON: dict[str, str] = {}
SHELVES = ("formats", "tasks", "methods", "recipes")
SOURCES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cardiolens"):
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("cardiolens.")}
    return rooms


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent != PACKAGE or p.stem in FLOORS], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_go_down_only(path):
    room = _room(path)
    allowed = {other for other, floor in FLOORS.items() if floor < FLOORS[room]} | {room}
    if room in GROUND:
        allowed |= GROUND
    assert _imported_rooms(path) <= allowed


def test_every_room_stands_on_a_floor():
    rooms = {_room(path) for path in SOURCES} - {"__init__", "__main__"}
    assert rooms <= set(FLOORS)


def test_evaluation_never_sees_a_model():
    imported = {
        name
        for path in (PACKAGE / "evaluation").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert not {
        name for name in imported if name.split(".")[0] == "torch" or name in {"cardiolens.batch", "cardiolens.keyed_random"}
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_small(path):
    name = str(path.relative_to(PACKAGE))
    assert len(path.read_text().splitlines()) <= MOST_LINES or name in LONGER_WITH_REASON


def test_no_room_or_file_has_a_name_that_says_nothing():
    assert not {p for p in PACKAGE.rglob("*") if p.stem in FORBIDDEN}


@pytest.mark.parametrize("shelf", SHELVES)
def test_every_file_on_a_shelf_has_its_test(shelf):
    files = [p.relative_to(PACKAGE / shelf).with_suffix("") for p in (PACKAGE / shelf).rglob("*.py") if p.stem != "__init__"]
    here = {"_".join(file.parts) for file in files}
    tested = {p.stem.removeprefix("test_") for p in (ROOT / "tests" / shelf).glob("test_*.py")}
    assert here <= tested


def test_the_readme_maps_every_room():
    readme = (ROOT / "README.md").read_text()
    missing = [
        room
        for room in {_room(p) for p in SOURCES} - {"__init__", "__main__"}
        if f"{room}/" not in readme and f"{room}.py" not in readme
    ]
    assert not missing


def test_the_readme_opens_with_the_two_commands():
    assert (ROOT / "README.md").read_text().startswith("```\nmake demo\nmake test\n```\n")


def test_the_tree_names_no_machine_and_no_registry():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    path = re.compile("(?<![\\w.])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]")) + ")/")
    for name in files:
        file = ROOT / name
        if file.suffix in {".npz", ".npy", ".parquet", ".safetensors", ".png"} or not file.exists():
            continue
        text = file.read_text()
        assert not path.search(text), name
        if "constraints" in name:
            assert "://" not in text, name
