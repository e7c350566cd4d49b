"""Stacks and cines show the heart of the picture: volumes and mass from their masks are those of the phenotypes."""

import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.imaging.views import picture
from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.generator import (
    SyntheticConfig,
    make_cine,
    make_slice_cine,
    make_subject,
    make_volumes,
)
from cardiolens.synthetic.motion import contract, end_systole_ms
from cardiolens.synthetic.mri import render_stack
from cardiolens.synthetic.phenotypes import phenotype_matrix
from cardiolens.synthetic.population import Person

KINDS = {"usual": [], "dilated": ["dilated"], "hypertrophic": ["hypertrophic"], "scarred": ["scar_lad", "scar_rca"]}


def rendered(people, rng, k):
    """End-diastole and end-systole of person `k`, and the phenotypes in the columns' order."""
    one = {name: column[k : k + 1] for name, column in people.items()}
    hearts = anatomy.build_hearts(one, np.zeros(1), rng.standard_normal((1, anatomy.NUM_DRAWS)))
    motion = contract(one, hearts)
    stack = render_stack(
        Person(**{name: float(column[0]) for name, column in one.items()}), hearts, motion, times_ms=np.array([0.0, 300.0]),
        fractions=np.array([0.0, 1.0]), middle_only=False, config=SyntheticConfig(), rng=np.random.default_rng(k),
        stack_rng=np.random.default_rng(99), source="test",
    )  # fmt: skip
    return stack, phenotype_matrix(hearts, motion)[0]


def measured(stack):
    """EDV, ESV and EF of the left, mass, then the same volumes of the right ventricle, as summed from the masks."""
    voxel_ml = np.prod(stack.spacing_mm) / 1000
    count = np.array([[(stack.masks[phase] == label).sum() for label in (1, 2, 3)] for phase in (0, -1)]) * voxel_ml
    (edv, wall, rv_edv), (esv, _, rv_esv) = count
    return np.array([edv, esv, 100 * (1 - esv / edv), 1.05 * wall, rv_edv, rv_esv])


@pytest.fixture(scope="module")
def stacks():
    """Ten of each kind, with what was measured over what the phenotypes say."""
    rng = np.random.default_rng(17)
    people = population.draw_people(rng.standard_normal((40, population.NUM_DRAWS)))
    for number, columns in enumerate(KINDS.values()):
        for column in columns:
            people[column][10 * number : 10 * number + 10] = 1.0
    made = [rendered(people, rng, k) for k in range(40)]
    columns = [0, 1, 3, 5, 6, 7]
    return [stack for stack, _ in made], np.array([measured(stack) / phenotypes[columns] for stack, phenotypes in made])


def test_volumes_ejection_fraction_and_mass_of_the_masks_are_those_of_the_phenotypes(stacks):
    error = np.abs(stacks[1] - 1)
    assert (np.median(error, axis=0) < 0.01).all()
    assert error.max() < 0.04


def test_masks_hold_only_the_labels_and_the_wall_encloses_the_cavity(stacks):
    for stack in stacks[0]:
        assert set(np.unique(stack.masks)) == {0, 1, 2, 3}
        cavity = stack.masks == 1
        beside = [np.roll(stack.masks, step, axis)[cavity] for step in (1, -1) for axis in (2, 3)]
        assert set(np.unique(beside)) <= {1, 2}


def test_the_outermost_slices_show_no_left_ventricle(stacks):
    for stack in stacks[0]:
        left = np.isin(stack.masks, [1, 2]).any(axis=(2, 3))
        assert not left[:, [0, -1]].any()
        assert left[:, stack.masks.shape[1] // 2].all()
        assert left[1].sum() <= left[0].sum()


def test_blood_above_the_valve_plane_is_bright_and_has_no_label(stacks):
    for stack in stacks[0][:10]:
        frames, masks = stack.frames[0], stack.masks[0]
        first = int((masks == 1).any(axis=(1, 2)).argmax())
        cavity = masks[first] == 1
        above = frames[first - 1][(masks[first - 1] == 0) & cavity]
        assert np.median(above) > 0.6 * np.median(frames[first][cavity])


def test_slices_are_breath_holds_of_their_own(stacks):
    steps = []
    for stack in stacks[0]:
        inside = [np.argwhere(mask == 1).mean(axis=0) * 1.8 for mask in stack.masks[0] if (mask == 1).any()]
        steps.append(np.linalg.norm(np.diff(inside, axis=0), axis=1))
    assert 2.0 < np.median(np.concatenate(steps)) < 6.0


def test_the_picture_is_the_middle_slice_of_the_stack():
    subject, volumes = make_subject(seed=2, index=5), make_volumes(seed=2, index=5)
    middle = volumes.masks.shape[1] // 2
    np.testing.assert_array_equal(volumes.masks[:, middle], subject.cine.masks[[0, 2], 0])
    a, b = (picture(cine, ed=0, mid=0, es=-1 % len(cine.frames)).astype(float) for cine in (subject.cine, volumes))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.97


def test_the_cine_is_smallest_at_end_systole_and_back_after_one_beat():
    for index in range(3):
        cine = make_slice_cine(seed=2, index=index, num_phases=40)
        rate = make_subject(seed=2, index=index, with_mri=False).covariates["heart_rate_bpm"]
        area = (cine.masks[:, 0] == 1).sum(axis=(1, 2))
        assert area[0] == area.max()
        smallest = cine.trigger_ms[area == area.min()]
        assert np.abs(smallest - end_systole_ms(rate)).min() < 60_000 / rate / 40
        assert area[-1] > 0.85 * area[0]
        assert cine.trigger_ms[-1] == pytest.approx(60_000 / rate * 39 / 40)


def test_a_cine_has_the_same_bits_whatever_else_is_made():
    first = make_cine(seed=2, index=1, num_phases=2)
    make_subject(seed=2, index=1)
    make_volumes(seed=2, index=0)
    again = make_cine(seed=2, index=1, num_phases=2)
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert first.frames.shape[:2] == (2, first.masks.shape[1])
    np.testing.assert_array_equal(first.masks[0], make_volumes(seed=2, index=1).masks[0])


def test_with_more_spread_scans_differ_more():
    def contrasts(spread):
        config = SyntheticConfig(appearance_spread=spread, mri_noise=0.0)
        cines = [make_slice_cine(seed=2, index=k, config=config, num_phases=1) for k in range(16)]
        return [
            np.log(np.median(c.frames[c.masks == 2]) / np.median(c.frames[c.masks == 1])) for c in cines if (c.masks == 1).any()
        ]

    assert np.std(contrasts(2.0)) > 1.5 * np.std(contrasts(0.0))


@pytest.mark.parametrize("make", [make_cine, make_slice_cine])
def test_a_cine_without_phases_is_refused(make):
    with pytest.raises(BadOption, match="num_phases"):
        make(seed=0, index=0, num_phases=0)


@pytest.mark.parametrize("make", [make_cine, make_slice_cine, make_volumes])
def test_a_negative_index_is_refused(make):
    with pytest.raises(BadOption, match="0 or more"):
        make(seed=0, index=-1)
