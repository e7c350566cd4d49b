"""Shapes are checked in every test; real data is used where it lies beside the checkout."""

from pathlib import Path

import jaxtyping
import pytest

jaxtyping.install_import_hook("cardiolens", "beartype.beartype").__enter__()

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real ECGs and MRIs; a test that asks for it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real recordings in ../shared/data, which are not part of the repository")
    return folder


@pytest.fixture(scope="session")
def golden_file() -> Path:
    """Outputs of the published code; see tests/golden/README.md."""
    return ROOT / "tests" / "golden" / "published_code.npz"


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory):
    """Forty-eight synthetic hearts at full size, read-only: copy what a test wants to change."""
    from cardiolens.cohorts.prepare_synthetic import prepare_synthetic

    return prepare_synthetic(tmp_path_factory.mktemp("tiny") / "cohort", subjects=48, seed=0)
