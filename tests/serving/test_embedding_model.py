import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.bundles.bundle import read_bundle, write_bundle
from cardiolens.errors import BadBundle
from cardiolens.formats.collection import list_inputs
from cardiolens.formats.wfdb_record import write
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.answers import Refusal
from cardiolens.serving.embedding_model import Embedding, EmbeddingModel, in_batches
from cardiolens.synthetic.generator import make_subject
from cardiolens.training.predict import embed_and_score


@pytest.fixture(scope="module")
def model(untrained_bundle):
    return EmbeddingModel.from_pretrained(untrained_bundle)


@pytest.fixture(scope="module")
def ready(model):
    """Ten ECGs; two of other lengths."""
    recordings = [make_subject(seed=5, index=k, with_mri=False).recording for k in range(10)]
    for k, samples in ((3, 2500), (7, 3700)):
        recordings[k] = replace(recordings[k], signal_mv=recordings[k].signal_mv[:, :samples])
    return [model.intake().recording(recording) for recording in recordings]


def test_it_is_what_the_heads_read(model, ready):
    rows = model.embed(ready)
    for item, row in zip(ready, rows, strict=True):
        with torch.inference_mode():
            read, _ = embed_and_score(model.model, torch.from_numpy(item.ecg)[None], torch.from_numpy(item.scale_mv)[None])
        np.testing.assert_allclose(row, read[0].numpy(), rtol=0, atol=1e-5)


def test_one_by_one_or_together_in_any_order_makes_no_difference(model, ready):
    together = model.embed(ready)
    alone = np.concatenate([model.embed([item]) for item in ready])
    order = np.random.default_rng(0).permutation(len(ready))
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.embed([ready[k] for k in order]), together[order], rtol=0, atol=1e-6)


def test_in_the_shipped_model_too():
    model = EmbeddingModel.from_pretrained()
    ready = [model.intake().recording(make_subject(seed=5, index=k, with_mri=False).recording) for k in range(10)]
    together = model.embed(ready)
    assert together.shape == (10, model.width)
    np.testing.assert_allclose(model.embed(ready[3:4]), together[3:4], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.embed(ready[::-1])[::-1], together, rtol=0, atol=1e-6)


def test_nothing_in_is_nothing_out(model):
    assert model.embed([]).shape == (0, model.width)


def test_voltage_reaches_a_model_that_reads_it(untrained_bundle, recording, tmp_path):
    plain = read_bundle(untrained_bundle)
    config = replace(plain.config, model=replace(plain.config.model, scale_input=True))
    torch.manual_seed(0)
    layer = {key: torch.randn(value.shape) for key, value in EcgModel(config.model).state_dict().items() if "scale" in key}
    reading = write_bundle(tmp_path / "reading", config, plain.state | layer).path
    louder = replace(recording, signal_mv=2 * recording.signal_mv)
    for path, changes in ((untrained_bundle, False), (reading, True)):
        model = EmbeddingModel.from_pretrained(path)
        one, other = model.embed([model.intake().recording(one) for one in (recording, louder)])
        assert (np.abs(one - other).max() > 1e-2) == changes


def test_a_bundle_without_heads_embeds_alike(untrained_bundle, model, ready, tmp_path):
    whole = read_bundle(untrained_bundle)
    config = replace(whole.config, heads=(), model=replace(whole.config.model, heads=()))
    state = {name: tensor for name, tensor in whole.state.items() if not name.startswith("heads")}
    headless = EmbeddingModel.from_pretrained(write_bundle(tmp_path / "headless", config, state).path)
    np.testing.assert_allclose(headless.embed(ready), model.embed(ready), rtol=0, atol=1e-6)


def test_files_are_embedded_or_refused_in_order(model, recording, tmp_path):
    write(tmp_path / "a.hea", recording)
    (tmp_path / "1234567_b.xml").write_text("no ECG")
    write(tmp_path / "c.hea", recording)
    found = list(model.embed_inputs(list_inputs([tmp_path]), model.intake()))
    assert [type(one) for one in found] == [Refusal, Embedding, Embedding]
    assert "1234567" not in found[0].source + found[0].reason
    np.testing.assert_array_equal(found[1].vector, found[2].vector)


def test_a_bundle_is_read_once_and_again_when_it_is_another(untrained_bundle, tmp_path):
    assert EmbeddingModel.from_pretrained(untrained_bundle) is EmbeddingModel.from_pretrained(untrained_bundle)
    bundle = read_bundle(untrained_bundle)
    first = write_bundle(tmp_path / "b", bundle.config, bundle.state).path
    before = EmbeddingModel.from_pretrained(first)
    for file in first.iterdir():
        file.unlink()
    write_bundle(first, replace(bundle.config, name="another"), bundle.state)
    assert (before.name, EmbeddingModel.from_pretrained(first).name) == ("untrained", "another")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BadBundle):
        EmbeddingModel.from_pretrained(tmp_path / "absent")


def test_batches_keep_the_order_and_wait_to_be_asked():
    asked, lock = [], threading.Lock()

    def prepare(number: int) -> str:
        with lock:
            asked.append(number)
        return str(number)

    batches = in_batches(iter(range(100)), prepare, size=4)
    assert next(batches) == ["0", "1", "2", "3"]
    assert sorted(asked) == [0, 1, 2, 3]
