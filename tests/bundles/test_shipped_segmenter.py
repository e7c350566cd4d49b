import json

import numpy as np
import pytest

from cardiolens.bundles.segmenter_files import CARD, WEIGHTS, read_segmenter, shipped_segmenter_path
from cardiolens.synthetic.scans.scan import ScanConfig, draw_scan
from cardiolens.types import CineStack


@pytest.fixture(scope="module")
def segmenter():
    return read_segmenter(shipped_segmenter_path())


def overlap(found, wanted, label):
    both, either = ((found == label) & (wanted == label)).sum(), (found == label).sum() + (wanted == label).sum()
    return 2 * both / either


def test_it_is_small_and_brings_a_card():
    folder = shipped_segmenter_path()
    assert (folder / WEIGHTS).stat().st_size < 5e6
    assert "No real picture" in (folder / CARD).read_text()


def test_it_segments_procedural_stacks_it_has_never_seen(segmenter):
    overlaps = []
    for index in range(4):
        scan = draw_scan(seed=77_001, index=index, config=ScanConfig(num_slices=8))
        cine = CineStack(scan.frames[None], (scan.spacing_mm, 1.5, 1.5), np.array([0.0]), "procedural")
        found = segmenter.segment(cine)[0]
        overlaps.append([overlap(found, scan.masks, label) for label in (1, 2, 3)])
    assert np.median(overlaps, axis=0).min() > 0.8


def test_it_segments_a_real_stack_that_it_was_not_trained_on(segmenter, shared_data, request):
    looked_at = json.loads((request.config.rootpath / "benchmarks" / "looked_at.json").read_text())["acdc"]
    stored = np.load(shared_data / "cmr" / "acdc" / f"{looked_at[0]}.npz")
    cine = CineStack(stored["image_ED"][None].astype(np.float32), (10.0, 1.4062, 1.4062), np.array([0.0]), "ACDC")
    found = segmenter.segment(cine)[0]
    # ACDC calls the right cavity 1 and the left one 3.
    assert overlap(found, np.array([0, 3, 2, 1])[stored["label_ED"]], 1) > 0.9
    assert overlap(found, np.array([0, 3, 2, 1])[stored["label_ED"]], 2) > 0.75
