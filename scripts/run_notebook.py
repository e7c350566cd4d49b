"""Run docs/quickstart.ipynb and store its outputs in it: `python scripts/run_notebook.py`. The suite does not store them."""

from __future__ import annotations

from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "quickstart.ipynb"


def executed(path: Path) -> object:
    """The notebook with fresh outputs.

    Raises:
        CellExecutionError: a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=280, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


if __name__ == "__main__":
    import nbformat

    found = executed(NOTEBOOK)
    for cell in found.cells:
        cell.metadata.pop("execution", None)
        # What libraries complain of names folders of this machine.
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    found.metadata.language_info = {"name": "python"}
    nbformat.write(found, NOTEBOOK)
    print(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size / 1e3:.0f} kB")
