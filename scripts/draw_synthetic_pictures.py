"""Draw the pictures of docs/synthetic.md: `python scripts/draw_synthetic_pictures.py`, about a minute."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from cardiolens.atomic import write_atomically
from cardiolens.evaluation.canvas import GREY, INK, PALE, drawing
from cardiolens.evaluation.ecg_paper import ecg_paper
from cardiolens.study.checking import figures
from cardiolens.study.checking.examples import Example, find_examples
from cardiolens.study.checking.page import check_synthetic
from cardiolens.synthetic import anatomy, population, wall
from cardiolens.synthetic.conduction import excite
from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.electrophysiology import rv_width_mm
from cardiolens.synthetic.lead_field import TEMPLATE_HALF_DEPTH_MM, TEMPLATE_HALF_WIDTH_MM
from cardiolens.synthetic.segments import map_to_rings
from cardiolens.synthetic.torso import ELECTRODES, place_heart

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SEED = 0
PAIRS = ("Normal, woman", "Pressure load, left ventricular hypertrophy", "Old anterior infarction", "Left bundle branch block")
LAST_MS = 120


def main() -> None:
    """Write the three pictures."""
    examples = {example.title: example for example in find_examples(seed=SEED)}
    write_atomically(PICTURES / "synthetic_pairs.png", _smaller(pairs([examples[title] for title in PAIRS])))
    write_atomically(PICTURES / "synthetic_activation.png", activation([examples[PAIRS[0]], examples[PAIRS[3]]]))
    check = check_synthetic(subjects=400, seed=SEED)
    write_atomically(PICTURES / "synthetic_amplitudes.png", figures.amplitudes(check.rendered))


def pairs(examples: list[Example]) -> bytes:
    """ECG on paper beside six short-axis pictures, one subject per row."""
    with drawing(9.8, 3.1 * len(examples), layout="none", dpi=95) as canvas:
        for row, example in enumerate(examples):
            bottom, height = 1 - (row + 1) / len(examples), 0.92 / len(examples)
            signal = example.subject.recording.signal_mv.astype(np.float64)
            for left, width, png in (
                (0.005, 0.605, ecg_paper(signal, dpi=130)),
                (0.615, 0.38, figures.heart(example.volumes)),
            ):
                axes = canvas.figure.add_axes((left, bottom, width, height))
                axes.imshow(_decoded(png))
                axes.set_axis_off()
            canvas.figure.text(0.01, bottom + height + 0.001, example.title, fontsize=10, fontweight="bold", color=INK)
    return canvas.png


def activation(examples: list[Example]) -> bytes:
    """The wall in its torso from the front and from above, coloured by when it is excited."""
    with drawing(9.4, 6.6, dpi=95) as canvas:
        panels = canvas.figure.subplots(2, 2, height_ratios=(1, 1.75))
        for column, example in zip(panels.T, examples, strict=True):
            nodes, when, electrodes, half_width, half_depth = _excited(example.subject.index)
            order = np.argsort(nodes[:, 1])[::-1]
            for axes, (x, y), view in zip(column, ((0, 2), (0, 1)), ("from the front", "from below"), strict=True):
                seen = order if y == 2 else np.argsort(nodes[:, 2])[::-1]
                shown = axes.scatter(*nodes[seen][:, (x, y)].T, c=when[seen], cmap="turbo", vmin=0, vmax=LAST_MS, s=11)
                axes.plot(*electrodes[:, (x, y)].T, "o", color=INK, markersize=5)
                for name, place in zip(ELECTRODES[3:], electrodes, strict=True):
                    axes.annotate(name, place[[x, y]], xytext=(5, 4), textcoords="offset points", fontsize=8)
                if y == 1:
                    around = np.linspace(0, 2 * np.pi, 200)
                    axes.plot(half_width * np.cos(around), half_depth * np.sin(around), color=GREY, linewidth=1)
                    axes.invert_yaxis()
                axes.set(
                    aspect="equal", xlim=(-165, 165), xlabel="to the left, mm", ylabel=("to the back, mm", "up, mm")[y == 2]
                )
                axes.set_title(f"{example.title}, {view}", fontsize=9)
                axes.grid(color=PALE, linewidth=0.5)
                axes.set_axisbelow(True)
        bar = canvas.figure.colorbar(shown, ax=panels, fraction=0.03, pad=0.02)
        bar.set_label("excited after, ms")
    return canvas.png


def _excited(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Places of the wall's nodes and of V1-V6 in the torso, excitation times, and the torso's half width and depth."""
    people = population.draw_people(generator(SEED, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
    person = population.Person(**{name: float(column[0]) for name, column in people.items()})
    draws = generator(SEED, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
    hearts = anatomy.build_hearts(people, np.zeros(1), draws)
    local = wall.place_wall(
        short_semi_axis_mm=float(hearts.short_semi_axis_mm[0]), long_semi_axis_mm=float(hearts.long_semi_axis_mm[0]),
        wall_mm=hearts.wall_mm[0], rv_width_mm=float(rv_width_mm(hearts)[0]),
    )  # fmt: skip
    rng = generator(SEED, index, Part.CONDUCTION)
    placement = place_heart(person, local, shift_mm=0.0, rng=rng)
    rings = np.tile((map_to_rings(wall.RINGS, wall.ANGLES) @ hearts.wall_mm[0]).ravel(), wall.LAYERS)
    layer_mm = np.concatenate([rings / (wall.LAYERS - 1), np.full(wall.NUM_RV, 3.0)])
    wave = excite(person, local, layer_mm, np.zeros(wall.NUM_NODES), lv_edv_ml=float(hearts.lv_edv_ml[0]), rng=rng)
    half_width, half_depth, height = 1 / placement.template_per_body
    half_width, half_depth = half_width * TEMPLATE_HALF_WIDTH_MM, half_depth * TEMPLATE_HALF_DEPTH_MM
    angle = np.radians(placement.chest_degrees)
    electrodes = np.stack([half_width * np.sin(angle), -half_depth * np.cos(angle), placement.chest_height_mm * height], axis=1)
    return placement.to_torso(local), wave.sinus_ms, electrodes, float(half_width), float(half_depth)


def _decoded(png: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return imread(io.BytesIO(png))


def _smaller(png: bytes) -> bytes:
    """The picture in 96 colours."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(96).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
