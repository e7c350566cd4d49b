"""What `import cardiolens` promises, and what it does not cost."""

import subprocess
import sys

import cardiolens


def test_every_public_name_exists_and_the_list_is_sorted():
    assert list(cardiolens.__all__) == sorted(cardiolens.__all__)
    for name in cardiolens.__all__:
        assert getattr(cardiolens, name) is not None


def test_importing_the_package_loads_neither_torch_nor_pandas():
    heavy = {"matplotlib", "monai", "numba", "pandas", "torch"}
    code = "import sys, cardiolens.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not heavy & set(loaded.split())
