import subprocess
import sys

import numpy as np
import pytest

from cardiolens.signals.baseline_kernel import baseline_kernel


def _dense(y: np.ndarray, smoothness: float, asymmetry: float, iterations: int) -> np.ndarray:
    """The definition, one lead at a time, with full matrices."""
    num_samples = len(y)
    second = np.diff(np.eye(num_samples), n=2, axis=0)
    baselines = []
    for lead in y.T:
        weight = np.ones(num_samples)
        for _ in range(iterations):
            z = np.linalg.solve(np.diag(weight) + smoothness * second.T @ second, weight * lead)
            weight = np.where(lead > z, asymmetry, np.where(lead < z, 1 - asymmetry, 0.0))
        baselines.append(z)
    return np.stack(baselines, axis=1)


@pytest.mark.parametrize("num_leads", [1, 4, 6, 12])
@pytest.mark.parametrize("num_samples", [4, 5, 6, 90])
@pytest.mark.parametrize("smoothness", [0.7, 1e3, 1e6])
def test_it_solves_the_equation_it_names(num_leads, num_samples, smoothness):
    y = np.random.default_rng(num_samples).standard_normal((num_samples, num_leads)).cumsum(axis=0) + 3
    found = baseline_kernel()(y, smoothness, 0.3, 5)
    np.testing.assert_allclose(found, _dense(y, smoothness, 0.3, 5), atol=1e-7)


def test_one_iteration_weighs_all_samples_alike():
    y = np.random.default_rng(0).standard_normal((40, 2))
    np.testing.assert_allclose(baseline_kernel()(y, 50.0, 0.3, 1), baseline_kernel()(y, 50.0, 0.9, 1), atol=0)


def test_where_no_folder_can_be_written_it_is_compiled_anew(monkeypatch):
    import numba

    compile_it = numba.njit

    def njit(function, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_it(function, **options)

    y = np.random.default_rng(0).standard_normal((40, 2))
    expected = baseline_kernel()(y, 50.0, 0.3, 2)
    monkeypatch.setattr(numba, "njit", njit)
    np.testing.assert_array_equal(baseline_kernel.__wrapped__()(y, 50.0, 0.3, 2), expected)


def test_a_later_process_finds_it_compiled():
    baseline_kernel()(np.ones((4, 1)), 1.0, 0.5, 1)
    program = (
        "import numpy as np; from cardiolens.signals.baseline_kernel import baseline_kernel;"
        "kernel = baseline_kernel(); kernel(np.ones((4, 1)), 1.0, 0.5, 1);"
        "assert sum(kernel.stats.cache_hits.values()) == 1, kernel.stats"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
