"""What the paper reports on UK Biobank, as reference rows beside measured ones.

Source: Turgut et al., arXiv 2308.05764v1 (test n 6,007): ROC AUC over five seeds with its standard deviation, Tables I and
II; mean r of 61 phenotypes by group, Table IV; the MRI encoder, Table V, as far as its cells can be told apart. Another
cohort gives other numbers: these rows say where the original stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS


@dataclass(frozen=True)
class PublishedRow:
    """One method's published results, as fractions of one."""

    method: str
    auroc: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Mean and standard deviation over five seeds, by disease column."""
    mean_r: dict[str, float] = field(default_factory=dict)
    """By phenotype group."""


def _row(method: str, auroc: tuple[tuple[float, float], ...] = (), mean_r: tuple[float, ...] = ()) -> PublishedRow:
    percent = {c: (m / 100, s / 100) for c, (m, s) in zip(("cad", "af", "dm"), auroc, strict=False)}
    return PublishedRow(method, percent, dict(zip(PHENOTYPE_GROUPS, mean_r, strict=False)))


SUPERVISED = _row("ECG, supervised ViT", ((66.90, 0.47), (69.76, 2.13), (67.35, 0.76)), (0.56, 0.58, 0.54, 0.29, 0.30))
SIMCLR = _row("ECG, SimCLR", ((66.03, 0.99), (67.95, 0.59), (68.73, 0.47)))
CLOCS = _row("ECG, CLOCS", ((67.30, 0.46), (67.33, 0.32), (68.68, 0.37)))
BYOL = _row("ECG, BYOL", ((67.59, 0.28), (69.76, 0.52), (67.70, 0.26)))
BARLOW_TWINS = _row("ECG, Barlow Twins", ((68.11, 0.54), (67.42, 0.72), (69.58, 0.02)))
MDM = _row("ECG, MDM", ((71.71, 0.36), (72.32, 0.73), (73.15, 0.39)), (0.62, 0.64, 0.60, 0.36, 0.36))
MMCL_WITHOUT_MDM = _row("ECG, MMCL without MDM", ((70.36, 0.51), (72.41, 0.52), (73.40, 0.48)), (0.58, 0.60, 0.57, 0.32, 0.33))
MMCL = _row("ECG, MDM and MMCL", ((73.00, 0.30), (74.11, 0.53), (75.56, 0.16)), (0.63, 0.65, 0.61, 0.37, 0.38))
TABULAR = _row("Tabular, XGBoost", ((71.97, 0.14), (72.22, 0.00), (72.53, 0.15)))
CMR = _row("CMR, supervised ResNet-50", ((71.88, 0.64), (73.11, 0.64), (74.24, 0.50)))
CMR_OF_MMCL_WITHOUT_MDM = _row("CMR, MMCL without MDM", ((74.37, 0.69), (77.13, 0.42)))
CMR_PHENOTYPES = _row("CMR, reference of Table IV", (), (0.84, 0.85, 0.78, 0.64, 0.66))

ALL_PUBLISHED = (
    SUPERVISED,
    SIMCLR,
    CLOCS,
    BYOL,
    BARLOW_TWINS,
    MDM,
    MMCL_WITHOUT_MDM,
    MMCL,
    TABULAR,
    CMR,
    CMR_OF_MMCL_WITHOUT_MDM,
    CMR_PHENOTYPES,
)
MAIN_PUBLISHED = (SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL, TABULAR, CMR, CMR_PHENOTYPES)
"""Without the unimodal pre-training baselines."""
