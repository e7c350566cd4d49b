"""Pages of one file each: how a template becomes text, and a picture a part of it."""

from __future__ import annotations

import base64
from importlib.resources import files
from typing import Any

_TEMPLATES = files("cardiolens.evaluation") / "templates"


def environment() -> Any:
    """Jinja's settings for every page: whatever comes from a file is text, and a name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def template_text(name: str) -> str:
    """A file of `evaluation/templates`."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def style() -> str:
    """The style sheet that all pages share."""
    return template_text("report.css")


def data_uri(png: bytes) -> str:
    """A picture as an address of its own, so that a page loads nothing."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
