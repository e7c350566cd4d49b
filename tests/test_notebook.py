"""The notebook for newcomers runs from top to bottom, and the stored outputs are those of a run."""

import runpy
import warnings
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="the extra `docs` is not installed")
ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "run_notebook.py"))


def _text(notebook) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_it_runs_and_shows_what_it_promises():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's own libraries
        found = SCRIPT["executed"](SCRIPT["NOTEBOOK"])
    said = _text(found)
    assert "Coronary artery disease" in said
    assert "LVEDV" in said
    assert "unlike the ECGs this model learned from" in said
    assert "r = 0." in said
    pictures = [o for cell in found.cells if cell.cell_type == "code" for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 2


def test_the_stored_outputs_show_no_path_of_a_machine():
    import nbformat

    stored = nbformat.read(SCRIPT["NOTEBOOK"], as_version=4)
    assert "Coronary artery disease" in _text(stored)
    assert str(ROOT) not in _text(stored)
    assert "site-packages" not in _text(stored)
