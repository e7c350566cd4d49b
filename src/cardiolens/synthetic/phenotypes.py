"""The 61 short-axis phenotypes of a synthetic heart, computed from its geometry and motion."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.motion import Motion
from cardiolens.synthetic.segments import WALL_SHARE


def phenotype_matrix(hearts: Hearts, motion: Motion) -> Float[np.ndarray, "subject phenotype"]:
    """Columns in the order and unit of `PHENOTYPE_COLUMNS`."""
    sv = hearts.lv_edv_ml - motion.lv_esv_ml
    rv_sv = hearts.rv_edv_ml - hearts.rv_esv_ml
    ventricles = np.stack(
        [
            hearts.lv_edv_ml,
            motion.lv_esv_ml,
            sv,
            100 * sv / hearts.lv_edv_ml,
            sv * hearts.heart_rate_bpm / 1000,
            hearts.lv_mass_g,
            hearts.rv_edv_ml,
            hearts.rv_esv_ml,
            rv_sv,
            100 * rv_sv / hearts.rv_edv_ml,
        ],
        axis=1,
    )
    segmental = (
        (hearts.wall_mm, hearts.wall_mm @ WALL_SHARE),
        (motion.ecc_percent, motion.ecc_global_percent),
        (motion.err_percent, motion.err_global_percent),
    )
    columns = [ventricles, *(np.column_stack([segments, whole]) for segments, whole in segmental)]
    matrix = np.concatenate(columns, axis=1)
    assert matrix.shape[1] == len(PHENOTYPE_COLUMNS)
    return matrix


def exact_strains(motion: Motion) -> dict[str, Float[np.ndarray, " subject"]]:
    """The strain columns as the wall moves, without the errors of tracking: the best that any prediction could be.

    All other phenotypes are read off the heart without an error.
    """
    names = [name for name in PHENOTYPE_COLUMNS if name.startswith(("ecc_", "err_"))]
    columns = [
        np.column_stack([segments, segments @ WALL_SHARE]) for segments in (motion.ecc_exact_percent, motion.err_exact_percent)
    ]
    return dict(zip(names, np.concatenate(columns, axis=1).T, strict=True))
