"""The report on paper, printed by a browser that is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cardiolens.errors import BadOption

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_PATIENCE_S = 120


def print_pdf(page: Path) -> Path:
    """Print `page` with everything unfolded to `report.pdf` beside it; the path of the PDF.

    The browser gets a folder of its own and no network is needed.

    Raises:
        BadOption: there is no Chromium or Chrome here, or it failed.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise BadOption(
            "--pdf",
            found="no browser",
            expected=f"one of {', '.join(BROWSERS)}",
            remedy="install Chromium, or open the page in a browser of yours and print it",
        )
    pdf = page.with_name("report.pdf")
    with tempfile.TemporaryDirectory() as scratch:
        unfolded = Path(scratch) / "report.html"
        unfolded.write_text(page.read_text(encoding="utf-8").replace("<details>", "<details open>"), encoding="utf-8")
        # As root a browser starts only without its sandbox; the page has no scripts and loads nothing.
        rights = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        printed = Path(scratch) / "report.pdf"
        command = [
            browser, "--headless", *rights, "--disable-gpu", f"--user-data-dir={scratch}/profile", "--no-pdf-header-footer",
            f"--print-to-pdf={printed}", unfolded.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise _failed(browser) from error
        if not printed.is_file():
            raise _failed(browser)
        shutil.copyfile(printed, pdf.with_suffix(".pdf.part"))
        pdf.with_suffix(".pdf.part").replace(pdf)
    return pdf


def _failed(browser: str) -> BadOption:
    return BadOption(
        "--pdf",
        found=f"{Path(browser).name} that printed nothing",
        expected="a PDF",
        remedy="open the page in a browser of yours and print it",
    )
