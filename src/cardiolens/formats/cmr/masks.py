"""Masks as NIfTI, laid onto the cine they belong to: by where they lie in the patient, not by how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float, Integer, UInt8

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.label_map import LabelMap
from cardiolens.formats.cmr.nifti_cine import scaled
from cardiolens.formats.cmr.nifti_file import read_nifti
from cardiolens.formats.cmr.nifti_grid import as_grid
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM
from cardiolens.imaging.stack_geometry import PlacedCine
from cardiolens.types import CineStack

_OFF_VOXELS = 0.02
"""Single-precision affines differ by less; half a pixel is another place."""

_ROUNDING = 1e-3
"""Of labels that a program has stored as scaled numbers."""

_ENCLOSED, _CLEARLY_BETTER = 0.6, 0.2
_MOST_NAMED = 8


def read_masks(path: Path, placed: PlacedCine, label_map: LabelMap) -> CineStack:
    """The cine with masks for all of its phases: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.

    Raises:
        BadImage: another grid or number of phases, labels outside the map, no labels at all, or a map that looks wrong: in
            the phase with the largest left cavity the muscle must enclose it, and another map would have it so.
    """
    masks, notes = _labels(path, placed, label_map)
    wanted = len(placed.cine.frames)
    if len(masks) != wanted:
        found = f"masks of {len(masks)} phases for {wanted}"
        _refuse(path, found, "a mask for every phase", "name the phase of each mask, or give the 4-D masks")
    labelled = int(masks.any(axis=(1, 2, 3)).sum())
    if labelled < wanted:
        notes += (f"masks in {labelled} of {wanted} phases",)
    return replace(placed.cine, masks=masks, notes=placed.cine.notes + notes)


def read_phase_masks(paths: Mapping[int, Path], placed: PlacedCine, label_map: LabelMap) -> CineStack:
    """The named phases of a cine with a 3-D mask each, as for end-diastole and end-systole; other phases are left out.

    Keys are phases from 0; the stack holds them in ascending order.

    Raises:
        BadImage: as `read_masks`, or a phase that the cine does not have.
        ValueError: there are no paths.
    """
    if not paths:
        raise ValueError("masks of no phase")
    phases = sorted(paths)
    all_masks, all_notes = [], placed.cine.notes
    for phase in phases:
        if not 0 <= phase < len(placed.cine.frames):
            expected = f"0 to {len(placed.cine.frames) - 1}"
            _refuse(paths[phase], f"phase {phase} named for a mask", expected, "name the phase of the cine")
        masks, notes = _labels(paths[phase], placed, label_map)
        if len(masks) != 1:
            _refuse(paths[phase], f"masks of {len(masks)} phases", "one phase", "give the 4-D masks by themselves")
        all_masks.append(masks)
        all_notes += notes
    all_notes += (f"phases {', '.join(map(str, phases))} of {len(placed.cine.frames)}, those with masks",)
    kept = replace(placed.cine, frames=placed.cine.frames[phases], trigger_ms=placed.cine.trigger_ms[phases], notes=all_notes)
    return replace(kept, masks=np.concatenate(all_masks))


def _labels(
    path: Path, placed: PlacedCine, label_map: LabelMap
) -> tuple[UInt8[np.ndarray, "phase slice height width"], tuple[str, ...]]:
    file = read_nifti(path)
    # Where the cine's own spacing had to be declared, its masks have lost theirs as well.
    grid = as_grid(path, file, placed.cine.spacing_mm)
    values = scaled(file, grid)
    labels = np.round(np.clip(np.nan_to_num(values, nan=-1.0), -1, 1 << 20)).astype(np.int32)
    if not np.allclose(labels, values, rtol=0, atol=_ROUNDING):
        _refuse(path, "values that are no whole numbers", "labels", "give the masks, not the pictures or probabilities")
    labels = _laid_onto(path, labels, grid.geometry.ras_affine(grid.spacing_mm), placed)
    allowed = (0, label_map.lv, label_map.myocardium, label_map.rv)
    others = sorted(set(np.unique(labels).tolist()) - set(allowed))
    if others:
        named = ", ".join(map(str, others[:_MOST_NAMED])) + (" and others" if len(others) > _MOST_NAMED else "")
        _refuse(path, f"labels {named} outside the map {label_map}", "0 and the map's", "give the map of this mask")
    if not labels.any():
        _refuse(path, "no labels", f"some of {label_map}", "give the masks of this cine")
    return label_map.applied(labels), _doubts(path, labels, label_map)


def _laid_onto(
    path: Path, labels: Integer[np.ndarray, "phase _ _ _"], affine: Float[np.ndarray, "4 4"], placed: PlacedCine
) -> Integer[np.ndarray, "phase slice height width"]:
    """The labels with their axes in the order and direction of the cine's."""
    wanted = placed.cine.frames.shape[1:]
    target = placed.geometry.ras_affine(placed.cine.spacing_mm)
    # From (column, row, slice) of the mask to those of the cine: only exchanged and turned axes, or they do not match.
    step = np.linalg.solve(target, affine)
    turns = np.round(step[:3, :3])
    order = np.abs(turns).argmax(axis=1)
    shape = np.array(labels.shape[:0:-1])
    matches = np.abs(turns).sum() == 3 and sorted(order.tolist()) == [0, 1, 2]
    matches = matches and tuple(shape[order][::-1].tolist()) == wanted
    if matches:
        signs = turns[range(3), order]
        start = np.where(signs < 0, shape[order] - 1, 0)
        exact = np.zeros((3, 4))
        exact[range(3), order] = signs
        exact[:, 3] = start
        off = (step[:3] - exact) @ np.vstack([_corners(shape), np.ones(8)])
        matches = bool(np.abs(off).max() <= _OFF_VOXELS)
    if not matches:
        found = f"masks of {_size(labels.shape[1:])} {_place(affine)}"
        expected = f"the grid of the pictures: {_size(wanted)} {_place(target)}"
        _refuse(path, found, expected, "resample the masks to the pictures' grid, keeping the affine")
    axes = [0, *(3 - order[::-1]).tolist()]
    backwards = (slice(None, None, int(sign)) for sign in signs[::-1])
    return labels.transpose(axes)[:, *backwards]


def _corners(shape: Integer[np.ndarray, " 3"]) -> Float[np.ndarray, "3 8"]:
    return np.stack([axis.ravel() for axis in np.meshgrid(*([0.0, float(size - 1)] for size in shape))])


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + " (slices, rows, columns)"


def _place(affine: Float[np.ndarray, "4 4"]) -> str:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    at = ", ".join(f"{mm:.1f}" for mm in affine[:3, 3])
    return f"of {' x '.join(f'{mm:.2f}' for mm in spacing)} mm at ({at})"


def _doubts(path: Path, labels: Integer[np.ndarray, "phase slice height width"], label_map: LabelMap) -> tuple[str, ...]:
    """Refuses a map under which the muscle does not enclose the cavity, where it would under another one."""
    largest = labels[int((labels == label_map.lv).sum(axis=(1, 2, 3)).argmax())]
    if not (largest == label_map.lv).any():
        return ("no left cavity is labelled",)
    shares = {tried: _enclosed(tried.applied(largest)) for tried in label_map.permuted()}
    given, better = shares[label_map], max(shares, key=lambda tried: shares[tried])
    if given >= _ENCLOSED:
        return ()
    said = f"muscle around {given:.0%} of the left cavity's border"
    if shares[better] >= max(given + _CLEARLY_BETTER, _ENCLOSED):
        expected = f"muscle around it, as there would be ({shares[better]:.0%}) under the label map {better.name}"
        _refuse(path, f"{said} under the label map {label_map.name}", expected, f"give the label map {better.name}")
    return (f"only {said} in the masks",)


def _enclosed(masks: UInt8[np.ndarray, "slice height width"]) -> float:
    """Share of the left cavity's neighbours in its slices that are muscle."""
    cavity = np.pad(masks == LV_CAVITY, ((0, 0), (1, 1), (1, 1)))
    near = np.zeros_like(cavity)
    for axis in (1, 2):
        near |= np.roll(cavity, 1, axis) | np.roll(cavity, -1, axis)
    border = (near & ~cavity)[:, 1:-1, 1:-1]
    return float((masks == MYOCARDIUM)[border].mean()) if border.any() else 0.0


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadImage(path, found=found, expected=expected, remedy=remedy)
