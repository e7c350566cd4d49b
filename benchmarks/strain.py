"""Strain by tracking against the true motion of the slices that were drawn, on synthetic hearts with their true masks.

    python benchmarks/strain.py [--subjects 20]

Truth is the in-plane motion of both contours of the very slices in which strain is measured: line elements of the same kind,
peaks of the same kind. 25 phases, seed 5. Writes benchmarks/results/. Give it both cores, or set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from machine import load, write_result
from phenotypes import placed

from cardiolens.imaging.mask_phenotypes import measure_masks
from cardiolens.imaging.strain import StrainResult, measure_strain
from cardiolens.synthetic import generator
from cardiolens.synthetic.draws import Part
from cardiolens.synthetic.draws import generator as random_of
from cardiolens.synthetic.motion import systole_fraction
from cardiolens.synthetic.mri import prepare_scan
from cardiolens.synthetic.mri_geometry import NUM_ANGLES
from cardiolens.synthetic.settings import SyntheticConfig

SEED, PHASES, EVERY = 5, 50, 2
ANGLES = np.arange(NUM_ANGLES) * 2 * np.pi / NUM_ANGLES


def true_contours(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Inner and outer contour of every slice in every phase, (phase, slice, angle, row and column) in mm."""
    config = SyntheticConfig()
    drawn = generator._draw(SEED, index, config)
    scan = prepare_scan(drawn.person, drawn.hearts, drawn.motion, config=config, rng=random_of(SEED, index, Part.MRI))
    rate = float(drawn.hearts.heart_rate_bpm[0])
    at_ms = np.arange(PHASES) * (60_000 / rate / PHASES)
    shares = systole_fraction(at_ms, heart_rate_bpm=rate, age_years=drawn.person.age_years, in_af=drawn.in_af)
    cuts = [scan.shape.cut(float(share)) for share in shares]
    direction = ANGLES + 2 * np.pi * scan.look.turn
    unit = np.stack([-np.cos(direction), -np.sin(direction)], axis=-1)
    # A slice's place in the picture is the same in all phases but for the heart's own descent; strain does not see either.
    return tuple(np.stack([getattr(cut, name) for cut in cuts])[::EVERY][..., None] * unit for name in ("endo", "epi"))


def peaks(endo: np.ndarray, epi: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, float]:
    """Segmental and global circumferential and radial strain of contours, (phase, slice, angle, 2) with three slices."""
    around, across, segments = [], [], []
    degrees = np.degrees(ANGLES)
    for level in range(3):
        both = (endo[:, level], epi[:, level])
        around += [_strain(np.linalg.norm(np.roll(contour, -1, axis=1) - contour, axis=-1)) for contour in both]
        across.append(_strain(np.linalg.norm(epi[:, level] - endo[:, level], axis=-1)))
        width, first = (60, 1 + 6 * level) if level < 2 else (90, 13)
        segments.append(first + np.floor((degrees + width / 2) / width).astype(int) % (360 // width))
    twice = np.concatenate([part for part in segments for _ in (0, 1)])
    once = np.concatenate(segments)
    ecc, err = np.concatenate(around, axis=1), np.concatenate(across, axis=1)
    of_segments = [
        np.array([peak(strain[:, places == k].mean(axis=1)) for k in range(1, 17)])
        for strain, places, peak in ((ecc, twice, np.min), (err, once, np.max))
    ]
    return of_segments[0], float(ecc.mean(axis=1).min()), of_segments[1], float(err.mean(axis=1).max())


def _strain(lengths: np.ndarray) -> np.ndarray:
    return 100 * (lengths / lengths[:1] - 1)


def one(index: int) -> tuple[StrainResult, tuple[np.ndarray, float, np.ndarray, float], float]:
    """Found, true, and seconds."""
    cine = generator.make_cine(seed=SEED, index=index, num_phases=PHASES)
    cine = replace(cine, frames=cine.frames[::EVERY], masks=cine.masks[::EVERY], trigger_ms=cine.trigger_ms[::EVERY])
    at = placed(cine)
    measured = measure_masks(cine.masks, at.geometry, spacing_mm=cine.spacing_mm, source="made", heart_rate_bpm=60.0)
    began = time.perf_counter()
    phases = measured.phases
    found = measure_strain(cine, cine.masks, measured.contours, measured.frame, ed=phases.ed, es=phases.es)
    seconds = time.perf_counter() - began
    slices = list(measured.frame.strain_slices)
    endo, epi = true_contours(index)
    return found, peaks(endo[:, slices], epi[:, slices]), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=20)
    subjects = parser.parse_args().subjects
    load_before = load()
    all_of_them = [one(index) for index in range(subjects)]
    found, true, seconds = zip(*all_of_them, strict=True)
    result: dict[str, float] = {"subjects": subjects, "seconds_each": round(float(np.median(seconds)), 1)}
    for name, place in (("ecc", 1), ("err", 3)):
        wanted = np.array([truth[place] for truth in true])
        got = np.array([getattr(one_found, f"{name}_global") for one_found in found])
        check = np.array([getattr(f.by_contours, "midwall" if name == "ecc" else "radial") for f in found])
        error = np.abs(got - wanted)
        segments = np.array([truth[place - 1] for truth in true]), np.array([getattr(f, f"{name}_segments") for f in found])
        within = [part - part.mean(axis=1, keepdims=True) for part in segments]
        result |= {
            f"{name}_bias": round(float((got - wanted).mean()), 2),
            f"{name}_error_median": round(float(np.median(error)), 2),
            f"{name}_error_p95": round(float(np.quantile(error, 0.95)), 2),
            f"{name}_r": round(float(np.corrcoef(wanted, got)[0, 1]), 2),
            f"{name}_by_contours_error_median": round(float(np.median(np.abs(check - wanted))), 2),
            f"{name}_segments_r": round(float(np.corrcoef(segments[0].ravel(), segments[1].ravel())[0, 1]), 2),
            f"{name}_segments_r_within_hearts": round(float(np.corrcoef(within[0].ravel(), within[1].ravel())[0, 1]), 2),
        }
    write_result("strain", f"python benchmarks/strain.py --subjects {subjects}", result, load_before=load_before)


if __name__ == "__main__":
    main()
