import pytest

from cardiolens.recipes import paper
from cardiolens.training.config import KeptWeights


def test_learning_rates_follow_the_rule_of_batch_over_four():
    assert paper.mdm().training.base_lr == pytest.approx(3.2e-4)
    assert paper.scaled_lr(3e-6, batch_size=8) == pytest.approx(6e-6)
    assert paper.finetune().training.base_lr == pytest.approx(1.2e-5)


def test_masked_data_modelling_has_the_published_numbers():
    config = paper.mdm()
    encoder, decoder, view = config.method.encoder, config.method.decoder, config.method.augmentation
    assert (encoder.width, encoder.depth, encoder.heads, encoder.patch) == (384, 3, 6, 100)
    assert (decoder.width, decoder.depth, decoder.heads) == (256, 2, 8)
    assert (config.method.hidden_ratio, config.method.ncc_weight) == (0.8, 0.1)
    assert (view.crop, view.surrogate, view.surrogate_probability, view.jitter, view.rescale) == (2500, 0.1, 0.5, 0.25, 0.5)
    training = config.training
    assert (training.epochs, training.batch_size, training.warmup_epochs) == (400, 128, 40)
    assert (training.weight_decay, training.betas, training.keep) == (0.15, (0.9, 0.95), KeptWeights.LAST)


def test_contrastive_learning_has_the_published_numbers():
    config = paper.mmcl()
    method, training = config.method, config.training
    assert (method.temperature, method.image_weight, method.projector.hidden, method.projector.width) == (0.1, 0.75, 512, 128)
    assert method.augmentation.surrogate_probability == 1.0
    assert (method.image_augmentation.size, method.image_augmentation.saturation) == (210, 0.25)
    assert method.image_augmentation.rotation_probability == 0.5
    assert method.image_encoder.features == 2048
    assert (training.epochs, training.batch_size, training.warmup_epochs) == (300, 256, 30)
    assert (training.base_lr, training.weight_decay) == (1e-4, 1e-4)


def test_fine_tuning_has_the_published_numbers():
    config = paper.finetune()
    method, training = config.method, config.training
    assert (method.augmentation.surrogate, method.augmentation.jitter, method.augmentation.rescale) == (0.075, 0.2, 0.5)
    assert method.pooling.norm_passes == 2
    assert config.data.balanced
    assert (training.epochs, training.warmup_epochs, training.patience, training.max_delta) == (400, 20, 25, 0.0025)


def test_the_baseline_learns_at_ten_times_the_rate():
    assert paper.supervised().training.base_lr == pytest.approx(10 * paper.finetune().training.base_lr)


def test_recipes_lie_within_the_papers_search():
    found = paper.finetune()
    search = paper.FINE_TUNING_SEARCH
    assert found.training.batch_size in search["training.batch_size"]
    assert found.method.layer_decay in search["method.layer_decay"]
    assert found.method.encoder.drop_path in search["method.encoder.drop_path"]
    assert found.method.label_smoothing in search["method.label_smoothing"]
    assert found.training.weight_decay in search["training.weight_decay"]
    assert found.training.base_lr * 4 / found.training.batch_size == pytest.approx(search["training.base_lr"][1])
