"""A bundle of a tiny model that was never trained: its answers mean nothing, its plumbing is the real one."""

import numpy as np
import pytest

from cardiolens.bundles.bundle import write_bundle
from cardiolens.bundles.config import BundleConfig, HeadCard
from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.imaging.segmented import Agreement, Segmented
from cardiolens.imaging.stack_geometry import PlacedCine, centred_geometry
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.serving.phenotyping import PhenotypeRules, measure_study
from cardiolens.synthetic.generator import make_cine, make_subject
from cardiolens.tasks import TASKS, TaskKind
from cardiolens.uncertainty import RiskMap


@pytest.fixture(scope="session")
def untrained_bundle(tmp_path_factory):
    method = SupervisedConfig(
        tasks=tuple(TASKS[name] for name in ("cad", "af", "dm", "phenotypes")),
        encoder=SignalEncoderConfig(width=24, depth=1, heads=2, learn_positions=True),
        pooling=AttentionPoolConfig(heads=2),
    )
    cards = []
    for task in method.tasks:
        count = len(task.columns)
        if task.kind is TaskKind.CLASSIFICATION:
            known = {"calibration": (RiskMap(1.0, -2.0),), "prevalence": (0.07,)}
        else:
            known = {"mean": tuple(np.linspace(10, 100, count)), "sd": tuple(np.linspace(1, 10, count))}
        cards.append(HeadCard(task.name, task.kind, task.columns, task.names, task.units, **known))
    config = BundleConfig(name="untrained", training_data="Trained on nothing", model=method.model, heads=tuple(cards))
    state = {key: value for key, value in method.build(seed=0).state_dict().items() if key.startswith(("ecg", "heads"))}
    return write_bundle(tmp_path_factory.mktemp("bundle") / "untrained", config, state).path


@pytest.fixture(scope="session")
def recording():
    return make_subject(seed=5, index=1, with_mri=False).recording


@pytest.fixture(scope="session")
def study():
    """A synthetic heart of ten phases with its true masks."""
    cine = make_cine(seed=5, index=0, num_phases=10)
    # Rows to the back, columns to the patient's left, slices towards the feet.
    geometry = centred_geometry(
        cine, centre_mm=(0.0, 0.0, 0.0), along_row=(1.0, 0.0, 0.0), along_column=(0.0, 1.0, 0.0), along_slices=(0.0, 0.0, -1.0)
    )
    return CmrStudy(PlacedCine(cine, geometry), rr_ms=1000.0, heart_rate_source="made")


@pytest.fixture(scope="session")
def measured(study):
    """The same, measured without strain."""
    labelled = Segmented(study.placed.cine.masks, (0,), {0: Agreement(0.98, 0.95, 0.95)})
    return measure_study(study, labelled, "true masks", rules=PhenotypeRules(strain=None))
