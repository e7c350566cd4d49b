"""The API reference from the docstrings: `make docs`. One page per module, searchable, without network.

python scripts/api_reference.py [OUT_FOLDER] [MODULE ...]      # all modules where none is named
"""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path

import cardiolens

_LEFT_OUT = ("cardiolens.cli", "cardiolens.__main__")
"""What is asked from a terminal has its own `--help`."""


def every_module() -> list[str]:
    """The package and its rooms; what lies in a room comes with it."""
    found = (module.name for module in pkgutil.iter_modules(cardiolens.__path__, "cardiolens."))
    return ["cardiolens", *(name for name in found if not name.startswith(_LEFT_OUT))]


def write_reference(out: Path, modules: list[str]) -> None:
    """HTML of the modules in folder `out`; `index.html` leads to them."""
    import pdoc

    pdoc.render.configure(docformat="markdown", footer_text="Research use only: not a medical device.")
    pdoc.pdoc(*modules, output_directory=out)


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/api")
    write_reference(out, sys.argv[2:] or every_module())
    print(f"look at {out / 'index.html'}")
