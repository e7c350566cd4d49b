import mmcl_step
import pytest
import torch

from cardiolens.bundles.published_keys import convert_published


@pytest.fixture(scope="module")
def config():
    return mmcl_step.without_drop_path(mmcl_step.small_config())


def test_the_restated_published_loss_and_its_gradients_are_ours(config):
    batch = mmcl_step.make_pairs(config, 4)
    ecg = batch.ecg[:, :, : config.encoder.num_samples]
    published = mmcl_step.published_model(config)
    ours = mmcl_step.our_model(config, published.state_dict())
    theirs, loss = published(ecg, batch.cmr), mmcl_step.our_loss(ours, ecg, batch)
    torch.testing.assert_close(loss, theirs)
    theirs.backward()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in published.named_parameters() if parameter.grad is not None}
    expected = convert_published(published.state_dict() | gradients)
    found = {name: parameter.grad for name, parameter in ours.named_parameters() if parameter.grad is not None}
    assert len(found) == len(gradients)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5)


def test_the_benchmark_measures_every_variant_beside_its_aim(config):
    result = mmcl_step.measure(mmcl_step.small_config(), 2, 1, matrix=64)
    assert result["gigaflop_per_pair"] > 0
    for clock in ("wall_clock", "processor_time"):
        assert set(result[clock]["times_the_published_rate"]) > set(result[clock]["aims"]["reached"])
