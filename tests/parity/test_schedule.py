"""The learning rate of the published pre-training, recorded in the golden file."""

import numpy as np

from cardiolens.training.optimiser import ScheduleConfig, learning_rate


def test_the_learning_rate_is_the_published_one_at_every_recorded_epoch(golden_file):
    golden = np.load(golden_file)
    schedule = ScheduleConfig(base_lr=1e-5 * 128 / 4, epochs=400.0, warmup_epochs=40.0)

    ours = [learning_rate(schedule, float(epoch)) for epoch in golden["lr_epoch"]]

    np.testing.assert_allclose(ours, golden["lr"], rtol=1e-12, atol=1e-18)
