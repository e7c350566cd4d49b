from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.cohorts.labelled_stacks import AS_IT_IS, LabelledStacks, SliceVariation, num_labelled_slices
from cardiolens.errors import BadImage, BadOption
from cardiolens.types import CineStack


def _stack(phases: int = 2, slices: int = 3) -> CineStack:
    """A bright disc in a ring on black; the second phase is unlabelled."""
    rows, columns = np.mgrid[:48, :56]
    radius = np.hypot(rows - 20, columns - 30)
    mask = np.where(radius < 6, 1, np.where(radius < 9, 2, 0)).astype(np.uint8)
    frames = np.where(mask == 1, 200.0, np.where(mask == 2, 60.0, 10.0)).astype(np.float32)
    masks = np.zeros((phases, slices, 48, 56), np.uint8)
    masks[0] = mask
    return CineStack(
        np.broadcast_to(frames, masks.shape).copy(), (10.0, 2.0, 2.0), 40.0 * np.arange(phases), "made", masks=masks
    )


def _source(variation: SliceVariation = AS_IT_IS, batch_size: int = 3, stacks=None, seed: int = 0) -> LabelledStacks:
    stacks = [_stack()] if stacks is None else stacks
    return LabelledStacks(stacks, pixel_mm=2.0, pixels=32, batch_size=batch_size, seed=seed, variation=variation)


def test_only_labelled_phases_are_shown_and_labels_lie_on_their_pixels():
    assert num_labelled_slices([_stack()]) == 3
    [batch] = _source().epoch(0, shuffle=False)
    assert batch.cmr.shape == (3, 3, 32, 32)
    assert batch.cmr_mask.shape == (3, 32, 32)
    cavity, wall = batch.cmr_mask == 1, batch.cmr_mask == 2
    assert cavity.sum() == pytest.approx(3 * np.pi * 36, rel=0.12)
    assert batch.cmr[:, 1][cavity].median() > 0.9
    assert batch.cmr[:, 1][wall].median() < 0.5
    centre = cavity[0].nonzero().float().mean(dim=0)
    torch.testing.assert_close(centre, torch.tensor([15.5, 15.5]), atol=0.6, rtol=0)


def test_labels_move_with_their_picture_under_every_variation():
    source = _source(
        SliceVariation(turn_deg=90.0, zoom=0.2, shift=0.1, gamma=0.0, noise=0.0), stacks=[_stack()] * 20, batch_size=60
    )
    [batch] = source.epoch(0, shuffle=True)
    cavity = batch.cmr_mask == 1
    assert batch.cmr[:, 1][cavity].quantile(0.1) > 0.5
    areas = cavity.sum(dim=(1, 2)).float()
    assert areas.min() < 95
    assert areas.max() > 130


def test_epochs_differ_and_an_epoch_can_be_entered_in_the_middle():
    source = _source(SliceVariation(), stacks=[_stack()] * 4)
    first, again, other = ([b.cmr for b in source.epoch(e, shuffle=True)] for e in (0, 0, 1))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    rest = [batch.cmr for batch in source.epoch(0, shuffle=True, start_batch=2)]
    assert all(map(torch.equal, first[2:], rest))
    assert len(source) == len(first) == 4


def test_a_stack_without_labels_and_too_few_slices_are_refused():
    with pytest.raises(BadImage, match="made: found no labels"):
        _source(stacks=[replace(_stack(), masks=None)])
    with pytest.raises(BadOption, match="found 3 labelled slices in 1 stacks; expected at least a batch of 4"):
        _source(batch_size=4)


@pytest.mark.parametrize("wrong", [{"turn_deg": -1.0}, {"zoom": 0.6}, {"shift": 0.3}, {"gamma": 2.0}, {"noise": -0.1}])
def test_a_variation_out_of_range_is_refused(wrong):
    with pytest.raises(BadOption):
        SliceVariation(**wrong)
