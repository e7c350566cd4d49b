"""The 61 short-axis phenotypes: order, columns, units, UK Biobank fields.

Order and units follow Turgut et al. IV.B and the reference pipeline of Bai et al.; the 17th "segment" of wall thickness
and strain is the global value.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phenotype:
    """One MRI phenotype. `column` names it in tables, with its unit; `group` is a row of the paper's Table IV."""

    column: str
    name: str
    unit: str
    group: str
    """LV, RV, WT, Ecc or Err."""
    ukb_field: int


def _ventricular() -> list[Phenotype]:
    rows = (
        ("lvedv_ml", "LVEDV", "mL", "LV"),
        ("lvesv_ml", "LVESV", "mL", "LV"),
        ("lvsv_ml", "LVSV", "mL", "LV"),
        ("lvef_percent", "LVEF", "%", "LV"),
        ("lvco_l_per_min", "LVCO", "L/min", "LV"),
        ("lvm_g", "LVM", "g", "LV"),
        ("rvedv_ml", "RVEDV", "mL", "RV"),
        ("rvesv_ml", "RVESV", "mL", "RV"),
        ("rvsv_ml", "RVSV", "mL", "RV"),
        ("rvef_percent", "RVEF", "%", "RV"),
    )
    return [Phenotype(*row, ukb_field=24100 + k) for k, row in enumerate(rows)]


def _segmental(group: str, unit: str, suffix: str, first_field: int) -> list[Phenotype]:
    places = [*(f"AHA_{k}" for k in range(1, 17)), "Global"]
    return [
        Phenotype(f"{group.lower()}_{place.lower()}_{suffix}", f"{group}_{place}", unit, group, first_field + k)
        for k, place in enumerate(places)
    ]


PHENOTYPES: tuple[Phenotype, ...] = (
    *_ventricular(),
    *_segmental("WT", "mm", "mm", 24124),
    *_segmental("Ecc", "%", "percent", 24141),
    *_segmental("Err", "%", "percent", 24158),
)
PHENOTYPE_COLUMNS: tuple[str, ...] = tuple(p.column for p in PHENOTYPES)
PHENOTYPE_GROUPS: tuple[str, ...] = ("LV", "RV", "WT", "Ecc", "Err")
