"""`bundle`, `push` and `import` as their user meets them."""

from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import huggingface_hub
import pytest
import torch

from cardiolens.bundles import published_keys
from cardiolens.bundles.bundle import read_bundle
from cardiolens.cli import main
from cardiolens.recipes import smoke
from cardiolens.recipes.selection import aimed_at
from cardiolens.training.run import Run
from cardiolens.training.train import train
from command import run

SMALL = ["--method.encoder.patch", "500", "--method.encoder.width", "64", "--method.encoder.depth", "1"]


@pytest.fixture(scope="module")
def tuned(tiny_cohort, tmp_path_factory) -> list[Run]:
    """Two seeds of the same fine-tuning."""
    config = aimed_at(smoke.joint(), tiny_cohort, ["cad", "lv"])
    folder = tmp_path_factory.mktemp("runs")
    seeded = [replace(config, training=replace(config.training, seed=seed, epochs=1)) for seed in (0, 1)]
    return [train(one, tiny_cohort, folder / f"seed_{k}") for k, one in enumerate(seeded)]


@pytest.fixture(scope="module")
def bundled(tuned, tiny_cohort, tmp_path_factory) -> tuple[Path, list[str], str]:
    """Both seeds as one bundle, the command that made it, and what it said."""
    out = tmp_path_factory.mktemp("bundles") / "both"
    command = ["bundle", tuned[0].path, "--siblings", tuned[1].path, "--cohort", tiny_cohort.path, "--out", out]
    with redirect_stdout(StringIO()) as said:
        assert main([str(part) for part in command]) == 0
    return out, command, said.getvalue()


def test_a_run_becomes_a_bundle_that_says_what_is_in_it_and_what_next(bundled):
    out, _, said = bundled
    config = read_bundle(out).config
    assert config.heads[0].calibration[0].seed_sd is not None
    assert config.provenance["seeds"] == "0 1"
    for words in ("cad", "lv", "with the spread between seeds", "model.safetensors", f"predict YOUR_ECG.xml --model {out}"):
        assert words in said


def test_a_bundle_that_is_there_is_not_taken_for_the_one_asked_for(bundled, capsys):
    status, _, err = run(capsys, *bundled[1])
    assert (status, err.count("\n")) == (2, 1)
    assert "is there already" in err


@pytest.mark.parametrize(("sibling", "said"), [(0, "a seed that is there already"), (None, "other settings")])
def test_a_sibling_that_is_none_is_refused(tuned, tiny_cohort, tmp_path, capsys, sibling, said):
    if sibling is None:
        config = replace(tuned[0].config, training=replace(tuned[0].config.training, base_lr=1e-5, seed=5))
        other = Run.start_or_resume(tmp_path / "other", config, cohort=tiny_cohort.fingerprint)
    else:
        other = tuned[sibling]
    out = tmp_path / "bundle"
    status, _, err = run(capsys, "bundle", tuned[0].path, "--cohort", tiny_cohort.path, "--out", out, "--siblings", other.path)
    assert (status, err.count("\n")) == (2, 1)
    assert said in err
    assert not out.exists()


def test_push_says_what_it_gives_away_and_how_to_use_it(bundled, capsys, monkeypatch):
    out = bundled[0]
    asked = {}
    monkeypatch.setattr(
        "cardiolens.bundles.hub.push_bundle", lambda path, name, **more: asked.update(more) or f"https://hub/{name}"
    )
    status, said, err = run(capsys, "push", out, "me/model")
    assert status == 0
    assert asked == {"private": True}
    assert "synthetic hearts" in err
    assert "https://hub/me/model" in said
    assert "--model me/model" in said
    run(capsys, "push", out, "me/model", "--public")
    assert asked == {"private": False}


def test_predict_and_evaluate_take_a_name_on_the_hub(bundled, tiny_cohort, capsys, monkeypatch, tmp_path):
    out = bundled[0]
    asked = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **more: asked.append((name, more["revision"])) or str(out)
    )
    monkeypatch.chdir(tmp_path)
    status, said, err = run(capsys, "evaluate", "--model", "me/model@v1", "--cohort", tiny_cohort.path)
    assert status == 0, err
    assert "Coronary" in said
    (tmp_path / "no_ecg.txt").write_text("nothing")
    assert run(capsys, "predict", "no_ecg.txt", "--model", "me/model")[0] == 2
    assert asked == [("me/model", "v1"), ("me/model", "main")]


def test_published_encoders_are_imported_and_training_starts_from_them(tiny_cohort, tmp_path, capsys):
    from cardiolens.recipes.selection import select

    source = select("smoke.mmcl", [*SMALL, "--method.encoder.heads", "1"]).method.build(seed=9)
    torch.save({"state_dict": _published(source)}, tmp_path / "last.ckpt")
    encoders = tmp_path / "encoders"
    status, said, err = run(capsys, "import", tmp_path / "last.ckpt", "--out", encoders)
    assert status == 0, err
    assert "the ECG encoder" in said.split("not in the folder")[0]
    assert "the image encoder" in said.split("in no file")[0]
    assert "in no file, from scratch: the masked autoencoder's decoder" in said
    assert "ignored, unknown here: classifier.model.bias (2 numbers)" in said
    assert f"--start-from {encoders}" in said

    settings = [*SMALL, "--method.encoder.heads", "1", "--training.epochs", "1", "--training.base_lr", "1e-30"]
    settings += ["--training.warmup_epochs", "0"]
    asked = ["train", "smoke.mmcl", "--cohort", tiny_cohort.path, "--start-from", encoders, "--device", "cpu", *settings]
    status, _, err = run(capsys, *asked, "--out", tmp_path / "run")
    assert status == 0, err
    weights = Run.open(tmp_path / "run").weights()
    assert len(Run.open(tmp_path / "run").start.split()) == 2
    for name, tensor in source.state_dict().items():
        if name.startswith(("ecg_encoder.", "image_encoder.")) and "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(weights[name], tensor, msg=name)

    (tmp_path / "ecg.txt").write_text("nothing")
    status, _, err = run(capsys, "predict", tmp_path / "ecg.txt", "--model", encoders)
    assert (status, err.count("\n")) == (2, 1)
    assert "encoders but no heads" in err
    assert "--start-from encoders" in err


def _published(method: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The encoders of a contrastive method under the published names."""
    blocks = {ours: theirs for theirs, ours in published_keys._BLOCK_PARTS.items()}
    stages = {ours: theirs for theirs, ours in published_keys._STAGES.items()}
    state = {"classifier.model.bias": torch.ones(2)}
    for name, tensor in method.state_dict().items():
        part, _, rest = name.partition(".")
        if part == "image_encoder":
            stage, _, layer = rest.removeprefix("resnet.").partition(".")
            state[f"encoder_imaging.{stages[stage]}.{layer}"] = tensor
        elif part == "ecg_encoder":
            plain = {"class_token": "cls_token", "positions": "pos_embed"}.get(rest)
            if rest.startswith("blocks."):
                _, number, layer = rest.split(".", 2)
                layer, _, kind = layer.rpartition(".")
                plain = f"blocks.{number}.{blocks[layer]}.{kind}"
            state[f"encoder_ecg.{plain or rest.replace('patch_embedding', 'patch_embed.proj')}"] = tensor
    assert all(published_keys.our_key(key) for key in state if key != "classifier.model.bias")
    return state


@pytest.mark.parametrize("verb", ["bundle", "push", "import"])
def test_each_verb_has_help(capsys, verb):
    status, said, _ = run(capsys, verb, "--help")
    assert status == 0
    assert f"cardiolens {verb}" in said


@pytest.mark.parametrize(
    "argv",
    [
        ["bundle", "nowhere", "--cohort", "nowhere", "--out", "x"],
        ["push", "nowhere", "me/model"],
        ["import", "nowhere.pth", "--out", "x"],
        ["predict", "a.hea", "--model", "nowhere/at/all"],
    ],
    ids=lambda argv: argv[0],
)
def test_a_mistake_is_one_line_and_leaves_nothing(capsys, tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *argv)
    assert (status, err.count("\n")) == (2, 1), err
    assert list(tmp_path.iterdir()) == []
