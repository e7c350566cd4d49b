"""How fast an ECG is cleaned, beside the same algorithm on a general sparse solver, in one run on one core.

    OMP_NUM_THREADS=1 python benchmarks/cleaning.py

The reference does what the published code does: one sparse system per lead and iteration, through scipy's `spsolve`.
Writes `benchmarks/results/cleaning_<date>_<cpu>.json` and prints it.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from machine import load, write_result

from cardiolens.signals.cleaning import LEAD_GROUPS, CleaningConfig, clean


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ecgs", type=int, default=400, help="10-s ECGs that ours cleans")
    parser.add_argument("--reference-ecgs", type=int, default=8, help="of these, ECGs that the reference cleans")
    options = parser.parse_args()

    load_before = load()
    ecgs = [_ecg(np.random.default_rng(seed)) for seed in range(options.ecgs)]
    few = ecgs[: options.reference_ecgs]
    started = time.perf_counter()
    clean(ecgs[0])
    first_call_s = time.perf_counter() - started
    difference = max(np.abs(clean(ecg).signal - reference(ecg)).max() for ecg in few[:2])
    reference_ms = _median_ms(reference, few)
    ours_ms = _median_ms(clean, ecgs)
    result = {
        "what": "clip, baseline, group standardisation of one 12-lead ECG of 5000 samples, float64; ms are processor time",
        "versions": {name: version(name) for name in ("numpy", "scipy", "numba")},
        "reference_ms_per_ecg": round(reference_ms, 2),
        "ours_ms_per_ecg": round(ours_ms, 3),
        "times_the_reference": round(reference_ms / ours_ms, 1),
        "ours_ecgs_per_second_by_threads": {
            threads: round(_rate(ecgs, threads), 1) for threads in range(1, (os.cpu_count() or 1) + 1)
        },
        "ours_first_call_s": round(first_call_s, 2),
        "largest_difference": float(difference),
    }
    write_result("cleaning", "OMP_NUM_THREADS=1 python benchmarks/cleaning.py", result, load_before=load_before)


def reference(signal_mv: np.ndarray) -> np.ndarray:
    """The published algorithm on a general sparse solver."""
    config = CleaningConfig()
    limit = config.clip_sd * signal_mv.std()
    signal = signal_mv.clip(-limit, limit)
    num_samples = signal.shape[1]
    second = scipy.sparse.diags_array(
        [1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(num_samples - 2, num_samples), dtype=np.float64
    )
    penalty = (config.smoothness * (second.T @ second)).tocsc()
    for row, lead in enumerate(signal):
        weight = np.ones(num_samples)
        for _ in range(config.iterations):
            system = (penalty + scipy.sparse.diags_array(weight)).tocsc()
            drift = scipy.sparse.linalg.spsolve(system, weight * lead)
            weight = config.asymmetry * (lead > drift) + (1 - config.asymmetry) * (lead < drift)
        signal[row] = lead - drift
    for rows in LEAD_GROUPS:
        group = signal[rows]
        signal[rows] = (group - group.mean()) / math.sqrt(group.var() + 1e-12)
    return signal


def _ecg(rng: np.random.Generator) -> np.ndarray:
    """Beats, drift and noise: (12, 5000) in mV."""
    time_s = np.arange(5000) / 500
    phase = time_s % rng.uniform(0.6, 1.1)
    beat = np.exp(-((phase - 0.3) ** 2) / 2e-4) + 0.25 * np.exp(-((phase - 0.5) ** 2) / 4e-3)
    drift = np.sin(2 * np.pi * rng.uniform(0.1, 0.4, (12, 1)) * time_s + rng.uniform(0, 6, (12, 1)))
    return rng.normal(0.5, 0.5, (12, 1)) * beat + 0.3 * drift + 0.02 * rng.standard_normal((12, 5000))


def _median_ms(cleaner: Callable[[np.ndarray], object], ecgs: list[np.ndarray]) -> float:
    times = []
    for ecg in ecgs:
        started = time.thread_time()
        cleaner(ecg)
        times.append(time.thread_time() - started)
    return 1000 * float(np.median(times))


def _rate(ecgs: list[np.ndarray], threads: int) -> float:
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(clean, ecgs))
        return len(ecgs) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
