"""A 12-lead ECG of drawn waves whose times and heights are known."""

import numpy as np

R_MV = np.array([0.6, 1.0, 0.4, 0.0, 0.1, 0.7, 0.0, 0.4, 0.8, 1.2, 1.4, 1.1])
S_MV = np.array([0.1, 0.1, 0.1, 0.8, 0.2, 0.1, 0.9, 1.2, 0.8, 0.4, 0.2, 0.1])
T_MV = np.array([0.2, 0.3, 0.1, -0.25, 0.05, 0.2, -0.1, 0.4, 0.5, 0.4, 0.35, 0.3])


def beat(ms, *, wide=1.0, p_mv=0.12):
    """R rises from -40 to 0 ms, S falls to +40 ms, all times `wide`; T is centred at 240 ms, P begins at -210."""
    r = np.where(np.abs(ms + 20 * wide) < 20 * wide, np.cos(np.pi * (ms + 20 * wide) / (40 * wide)) ** 2, 0)
    s = np.where(np.abs(ms - 20 * wide) < 20 * wide, np.cos(np.pi * (ms - 20 * wide) / (40 * wide)) ** 2, 0)
    t = np.exp(-0.5 * ((ms - 240) / 38) ** 2)
    p = np.where(np.abs(ms + 165) < 45, np.cos(np.pi * (ms + 165) / 90) ** 2, 0)
    return R_MV[:, None] * r - S_MV[:, None] * s + T_MV[:, None] * t + p_mv * p


def strip(onsets_s, *, ectopic=(), p_mv=0.12, noise_mv=0.0, seed=0):
    """Ten seconds at 500 Hz with a beat at each of `onsets_s`; those numbered in `ectopic` are wide, inverted and without P."""
    ms = np.arange(5000) * 2.0
    signal = np.zeros((12, 5000))
    for number, at in enumerate(onsets_s):
        here = ms - 1000 * at
        signal += -1.3 * beat(here, wide=1.9, p_mv=0.0) if number in ectopic else beat(here, p_mv=p_mv)
    return signal + noise_mv * np.random.default_rng(seed).standard_normal(signal.shape)
