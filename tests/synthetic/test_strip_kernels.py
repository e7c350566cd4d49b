"""Beats fall where they should, and machine code does what Python does."""

import numpy as np
import pytest

from cardiolens.synthetic.strip_kernels import lay_beats, pass_high, pass_low

TEMPLATE = np.sin(np.linspace(0, np.pi, 101))[None] * np.array([[1.0], [-2.0]])


def laid(lay, onsets, stretch, fixed=40.0):
    strip = np.zeros((2, 200))
    lay(strip, 2.0, TEMPLATE, 10.0, fixed, np.array(onsets), np.array(stretch))
    return strip


def test_a_beat_begins_before_its_onset_and_keeps_its_height():
    strip = laid(lay_beats, [110.0], [1.0])
    np.testing.assert_allclose(strip[0, 50:100], np.sin(np.pi * np.arange(0, 100, 2) / 100), atol=1e-12)
    np.testing.assert_allclose(strip[1], -2 * strip[0])
    assert not strip[0, :50].any()
    assert not strip[0, 101:].any()


def test_only_what_comes_after_the_fixed_part_is_stretched():
    plain, long = laid(lay_beats, [110.0], [1.0]), laid(lay_beats, [110.0], [1.5])
    np.testing.assert_array_equal(plain[:, :71], long[:, :71])
    assert long[0, 50:].nonzero()[0].max() == pytest.approx((40 + 1.5 * 60) / 2, abs=1)


def test_beats_at_the_edges_are_cut_and_overlapping_ones_add_up():
    cut = laid(lay_beats, [-40.0], [1.0])
    np.testing.assert_allclose(cut[0, :25], np.sin(np.pi * np.arange(50, 100, 2) / 100), atol=1e-12)
    both = laid(lay_beats, [110.0, 150.0], [1.0, 1.0])
    np.testing.assert_allclose(both, laid(lay_beats, [110.0], [1.0]) + laid(lay_beats, [150.0], [1.0]), atol=1e-12)


def test_machine_code_does_what_python_does():
    onsets, stretch = [-30.0, 100.3, 180.0], [1.0, 1.2, 0.8]
    np.testing.assert_allclose(laid(lay_beats, onsets, stretch), laid(lay_beats.py_func, onsets, stretch), atol=1e-14)
    noise = np.random.default_rng(0).standard_normal((2, 300))
    for kernel, options in ((pass_high, (0.99, noise.mean(axis=1), False)), (pass_low, (0.2, -0.4, 0.2))):
        compiled, interpreted = noise.copy(), noise.copy()
        kernel(compiled, *options)
        kernel.py_func(interpreted, *options)
        np.testing.assert_allclose(compiled, interpreted, atol=1e-12)
