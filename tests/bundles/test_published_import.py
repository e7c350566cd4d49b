import numpy as np
import pytest
import torch
from einops import rearrange

from cardiolens.bundles.bundle import CARD, IMAGE_ENCODER, WEIGHTS, read_bundle
from cardiolens.bundles.published_import import import_published
from cardiolens.bundles.published_keys import our_key
from cardiolens.bundles.weights import read_safetensors
from cardiolens.errors import BadBundle, BadOption, BadWeights
from cardiolens.nn.ecg_model import EcgModel, EcgModelConfig, HeadConfig
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoder, MaeDecoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig, MeanPoolConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig

ENCODER = SignalEncoderConfig(num_samples=200, patch=50, width=128, depth=2, heads=2)


def _prefixed(module: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


@pytest.fixture
def publish(tmp_path, golden_file):
    """Write tensors under the published names: of which file, under which top key, and with what prefix."""

    def write(name: str, ours: dict[str, torch.Tensor], *, keys: str, top: str = "model", prefix: str = "", **more):
        names = [entry.split(":")[0] for entry in np.load(golden_file)[keys].tolist()]
        state = {f"{prefix}{key}": ours[our_key(key)].clone() for key in names if our_key(key) in ours}
        if (patches := f"{prefix}patch_embed.proj.weight") in state:
            state[patches] = rearrange(state[patches], "width patch -> width 1 1 patch")
        torch.save({top: state | more}, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def encoder() -> SignalEncoder:
    torch.manual_seed(0)
    return SignalEncoder(ENCODER).eval()


@pytest.fixture
def image_encoder() -> ImageEncoder:
    torch.manual_seed(1)
    return ImageEncoder(ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), bottleneck=False)).eval()


@pytest.fixture
def signal_file(publish, encoder):
    return publish("signal_encoder_mmcl.pth", _prefixed(encoder, "ecg_encoder"), keys="mae_keys")


def test_the_imported_encoder_gives_what_the_published_one_gives(signal_file, encoder, tmp_path):
    import_published([signal_file], tmp_path / "out")
    ecg = torch.randn(2, 12, 200, generator=torch.Generator().manual_seed(0))
    imported = read_bundle(tmp_path / "out").model()
    with torch.no_grad():
        assert torch.equal(imported.ecg_encoder(ecg), encoder(ecg))
        mean = encoder(ecg)[:, 1:].mean(dim=1)
        torch.testing.assert_close(imported.embed(ecg), torch.nn.functional.layer_norm(mean, (128,), eps=1e-6))


def test_what_is_there_and_what_is_missing_is_said_with_its_size(signal_file, encoder, tmp_path):
    imported = import_published([signal_file], tmp_path / "out")
    assert imported.kept == {"the ECG encoder": sum(t.numel() for t in encoder.state_dict().values())}
    assert imported.left_out == imported.ignored == {}
    for part in ("the ECG projector", "the image projector", "a fine-tuned head", "the masked autoencoder's decoder"):
        assert part in imported.absent
    config = read_bundle(tmp_path / "out").config
    assert config.heads == ()
    assert config.name == "signal_encoder_mmcl"
    assert "Apache" not in config.license
    assert list(config.provenance) == ["imported.signal_encoder_mmcl.pth"]


def test_signal_and_image_encoder_come_together_from_two_files(signal_file, publish, image_encoder, tmp_path):
    image = publish("image.pth", _prefixed(image_encoder, "image_encoder"), keys="image_keys", top="state_dict")
    imported = import_published([signal_file, image], tmp_path / "out")
    assert list(imported.kept) == ["the ECG encoder", "the image encoder"]
    assert "the image encoder" not in imported.absent
    assert IMAGE_ENCODER in read_bundle(tmp_path / "out").config.files
    assert IMAGE_ENCODER in (tmp_path / "out" / CARD).read_text()
    stored = read_safetensors(tmp_path / "out" / IMAGE_ENCODER)
    expected = _prefixed(image_encoder, "image_encoder")
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in expected.items())


def test_an_image_encoder_alone_is_weights_and_no_bundle(publish, image_encoder, tmp_path):
    image = publish("image.pth", _prefixed(image_encoder, "image_encoder"), keys="image_keys", top="state_dict")
    imported = import_published([image], tmp_path / "out")
    assert list(imported.kept) == ["the image encoder"]
    assert "the ECG encoder" in imported.absent
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([WEIGHTS, CARD])
    with pytest.raises(BadBundle, match=r"no config\.json"):
        read_bundle(tmp_path / "out")


def test_an_autoencoders_decoder_is_left_out_and_its_extra_loss_ignored(publish, encoder, tmp_path):
    decoder = MaeDecoder(MaeDecoderConfig(width=16, depth=1, heads=2), ENCODER)
    ours = _prefixed(encoder, "ecg_encoder") | _prefixed(decoder, "decoder")
    more = {"projector.0.weight": torch.ones(3, 2), "predictor.0.bias": torch.ones(2)}
    imported = import_published([publish("mdm.pth", ours, keys="mae_keys", **more)], tmp_path / "out")
    assert imported.left_out == {"the masked autoencoder's decoder": sum(t.numel() for t in decoder.state_dict().values())}
    assert imported.ignored == {"predictor.0.bias": 2, "projector.0.weight": 6}
    assert read_safetensors(tmp_path / "out" / WEIGHTS).keys() == ours.keys() - _prefixed(decoder, "decoder").keys() | {
        "ecg_pool.norm.weight",
        "ecg_pool.norm.bias",
    }


def test_a_fine_tuned_file_brings_its_pooling_and_leaves_its_head(publish, tmp_path):
    torch.manual_seed(2)
    tuned = EcgModel(EcgModelConfig(ENCODER, AttentionPoolConfig(heads=2), (HeadConfig("published", 1, binary=True),))).eval()
    torch.nn.init.normal_(tuned.ecg_pool.norm.weight)
    file = publish("checkpoint-9.pth", tuned.state_dict(), keys="finetune_keys")
    imported = import_published([file], tmp_path / "out")
    assert list(imported.kept) == ["the ECG encoder", "the attention pooling", "the norm after pooling"]
    assert imported.left_out == {"a fine-tuned head": 2 * 128 + 2}
    ecg = torch.randn(2, 12, 200, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(read_bundle(tmp_path / "out").model().embed(ecg), tuned.embed(ecg))


def test_a_contrastive_checkpoint_brings_both_encoders_and_its_norm_once(publish, encoder, image_encoder, tmp_path):
    image = {f"encoder_imaging.{key}": tensor for key, tensor in _published_image(image_encoder).items()} | {
        f"projection_head_imaging.layers.{k}.weight": torch.ones(3, 3) for k in (0, 2)
    }
    more = {"encoder_ecg.fc_norm.weight": torch.full((128,), 2.0), "encoder_ecg.fc_norm.bias": torch.ones(128)}
    more |= {"encoder_ecg.head.weight": torch.ones(2, 128), "classifier.model.bias": torch.ones(2)}
    ours = _prefixed(encoder, "ecg_encoder")
    file = publish("last.ckpt", ours, keys="mae_keys", top="state_dict", prefix="encoder_ecg.", **more, **image)
    imported = import_published([file], tmp_path / "out")
    assert list(imported.kept) == ["the ECG encoder", "the image encoder", "the norm after pooling"]
    assert imported.left_out == {"the image projector": 18}
    assert list(imported.ignored) == ["classifier.model.bias", "encoder_ecg.head.weight"]
    pooling = read_bundle(tmp_path / "out").config.model.pooling
    assert pooling == MeanPoolConfig(norm_passes=1)


def _published_image(module: ImageEncoder) -> dict[str, torch.Tensor]:
    places = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    state = module.resnet.state_dict()
    return {f"{places[name.split('.')[0]]}.{name.split('.', 1)[1]}": tensor for name, tensor in state.items()}


def test_two_signal_encoders_are_refused_and_nothing_is_written(signal_file, tmp_path):
    with pytest.raises(BadOption, match="the ECG encoder a second time"):
        import_published([signal_file, signal_file], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_never_touched(signal_file, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(BadOption, match="something there already"):
        import_published([signal_file], tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_encoder_of_no_published_size_is_refused(publish, tmp_path):
    narrow = SignalEncoder(SignalEncoderConfig(num_samples=200, patch=50, width=48, depth=1, heads=2))
    with pytest.raises(BadWeights, match="a multiple of 64"):
        import_published([publish("narrow.pth", _prefixed(narrow, "ecg_encoder"), keys="mae_keys")], tmp_path / "out")


def test_an_encoder_whose_tensors_do_not_fit_each_other_is_refused(publish, encoder, tmp_path):
    ours = _prefixed(encoder, "ecg_encoder") | {"ecg_encoder.blocks.1.norm1.weight": torch.ones(7)}
    with pytest.raises(BadBundle, match="tensors of another model"):
        import_published([publish("odd.pth", ours, keys="mae_keys")], tmp_path / "out")
    assert not (tmp_path / "out").exists()
