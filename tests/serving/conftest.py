"""A bundle of a tiny model that was never trained: its answers mean nothing, its plumbing is the real one."""

import numpy as np
import pytest

from cardiolens.bundles.bundle import write_bundle
from cardiolens.bundles.config import BundleConfig, Calibration, HeadCard
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.synthetic.generator import make_subject
from cardiolens.tasks import TASKS, TaskKind


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
            known = {"calibration": (Calibration(1.0, -2.0),), "prevalence": (0.07,)}
        else:
            known = {"mean": tuple(np.linspace(10, 100, count)), "sd": tuple(np.linspace(1, 10, count))}
        cards.append(HeadCard(task.name, task.kind, task.columns, task.names, task.units, **known))
    config = BundleConfig(name="untrained", training_data="Trained on nothing", model=method.model, heads=tuple(cards))
    state = {key: value for key, value in method.build(seed=0).state_dict().items() if key.startswith(("ecg", "heads"))}
    return write_bundle(tmp_path_factory.mktemp("bundle") / "untrained", config, state).path


@pytest.fixture(scope="session")
def recording():
    return make_subject(seed=5, index=1, with_mri=False).recording
