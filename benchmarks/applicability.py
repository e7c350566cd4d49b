"""How far the shipped bundle finds foreign ECGs from what it learned from, and which it marks.

    python benchmarks/applicability.py [REAL_ECGS]

60 synthetic hearts that it has not seen (seed 77), the first 25 of them changed in one way each, and the recordings in folder
REAL_ECGS where one is named. Per kind: the median distance in units of the bundle's limit, the share marked, and the share that
the quality check refuses before. Results go to `results/applicability_<date>_<processor>.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from machine import describe_machine, result_path
from scipy.signal import butter, sosfiltfilt

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRecording
from cardiolens.serving.answers import Answer
from cardiolens.serving.predictor import Predictor
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import RATE_HZ, Recording

SEED, UNSEEN, CHANGED = 77, 60, 25
Signal = Float[np.ndarray, "lead time"]


def faster(signal: Signal, factor: float) -> Signal:
    """The same wave `factor` times as fast, begun again where it ends."""
    count = signal.shape[1]
    return np.stack([np.interp(np.arange(count) * factor % count, np.arange(count), lead) for lead in signal])


def lawful_noise(rng: np.random.Generator, count: int) -> Signal:
    """Noise that no check of leads can tell: I, II and the chest leads are drawn, the other limb leads follow from them."""
    low = sosfiltfilt(butter(4, 40.0, fs=RATE_HZ, output="sos"), rng.normal(size=(8, count)), axis=1)
    one, two, *chest = 0.3 * low / low.std(axis=1, keepdims=True)
    return np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *chest])


def changes(rng: np.random.Generator) -> dict[str, Callable[[Signal], Signal]]:
    """What is done to a signal in millivolts, by name."""
    return {
        "voltage x 5": lambda signal: signal * 5,
        "voltage x 2": lambda signal: signal * 2,
        "voltage / 3": lambda signal: signal / 3,
        "half of the true rate": lambda signal: faster(signal, 2.0),
        "twice the true rate": lambda signal: faster(signal, 0.5),
        "a child's heart rate (x 1.6)": lambda signal: faster(signal, 1.6),
        "upside down": lambda signal: -signal,
        "white noise alone, 0.3 mV": lambda signal: rng.normal(0, 0.3, signal.shape),
        "white noise on top, 0.3 mV": lambda signal: signal + rng.normal(0, 0.3, signal.shape),
        "samples shuffled": lambda signal: rng.permuted(signal, axis=1),
        "noise below 40 Hz that obeys the limb-lead laws, 0.3 mV": lambda signal: lawful_noise(rng, signal.shape[1]),
        "chest leads in reverse": lambda signal: np.concatenate([signal[:6], signal[:5:-1]]),
    }


def distances(predictor: Predictor, recordings: list[Recording]) -> Iterator[float]:
    """In units of the limit; NaN where the ECG is refused."""
    for recording in recordings:
        try:
            yield predictor(recording).applicability
        except BadRecording:
            yield np.nan


def summary(found: list[float]) -> dict[str, float | int | None]:
    """Of one kind of ECG."""
    known = np.array(found)[~np.isnan(found)]
    median, marked = (float(np.median(known)), float((known > 1).mean())) if len(known) else (None, None)
    return {"ecgs": len(found), "refused": float(np.isnan(found).mean()), "median_distance": median, "marked": marked}


def main(real: Path | None) -> None:
    """Measure and write."""
    predictor, rng = Predictor.from_pretrained(), np.random.default_rng(0)
    unseen = [make_subject(seed=SEED, index=index, with_mri=False).recording for index in range(UNSEEN)]
    kinds = {"unseen synthetic": summary(list(distances(predictor, unseen)))}
    for name, change in changes(rng).items():
        changed = [replace(one, signal_mv=change(one.signal_mv).astype(np.float32)) for one in unseen[:CHANGED]]
        kinds[name] = summary(list(distances(predictor, changed)))
        print(name, kinds[name], flush=True)
    if real is not None:
        answers = predictor.predict_files([real])
        kinds[f"real: {real.name}"] = summary([a.applicability if isinstance(a, Answer) else np.nan for a in answers])
    found = {"kinds": kinds, "model": predictor.config.name, "machine": describe_machine()}
    print(json.dumps(found, indent=1))
    write_atomically(result_path("applicability", ".json"), (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
