"""No test here reaches a network: the hub is a folder, or the library's own cache with the network switched off."""

import inspect
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
from huggingface_hub import errors
from huggingface_hub.utils import filter_repo_objects

from cardiolens.bundles.bundle import BUNDLE_FILES, CARD, CONFIG, IMAGE_ENCODER, WEIGHTS, read_bundle, write_bundle
from cardiolens.bundles.hub import answering_bundle, fetch_bundle, push_bundle
from cardiolens.errors import BadBundle, BadOption, NoSpace
from cardiolens.nn.ecg_model import EcgModel

REAL_API, REAL_DOWNLOAD = huggingface_hub.HfApi, huggingface_hub.snapshot_download


def _written(path: Path, config, **kwargs) -> Path:
    torch.manual_seed(0)
    return write_bundle(path, config, EcgModel(config.model).state_dict(), **kwargs).path


@pytest.fixture
def written(tmp_path, tiny_config) -> Path:
    return _written(tmp_path / "model", tiny_config)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A hub that is a folder; `private` in it says who sees it."""
    place = tmp_path / "hub"

    class Api:
        def __init__(self, token=None) -> None:
            pass

        def create_repo(self, repo_id, *, private, exist_ok) -> str:
            if not (place / repo_id).exists():
                (place / repo_id).mkdir(parents=True)
                (place / "private").write_text(json.dumps(private))
            return f"https://hub.test/{repo_id}"

        def repo_info(self, repo_id) -> SimpleNamespace:
            return SimpleNamespace(private=json.loads((place / "private").read_text()))

        def upload_folder(self, **asked) -> None:
            real = inspect.signature(REAL_API.upload_folder).bind(self, **asked).arguments
            repo_id, folder_path, allow_patterns, delete_patterns = (
                real[name] for name in ("repo_id", "folder_path", "allow_patterns", "delete_patterns")
            )
            for name in filter_repo_objects([p.name for p in (place / repo_id).iterdir()], allow_patterns=delete_patterns):
                (place / repo_id / name).unlink()
            for name in filter_repo_objects([p.name for p in Path(folder_path).iterdir()], allow_patterns=allow_patterns):
                shutil.copy(Path(folder_path) / name, place / repo_id / name)

    def snapshot_download(repo_id, **asked) -> str:
        real = inspect.signature(REAL_DOWNLOAD).bind(repo_id, **asked).arguments
        revision, allow_patterns = real["revision"], real["allow_patterns"]
        fetched = tmp_path / "cache" / revision
        fetched.mkdir(parents=True)
        for name in filter_repo_objects([p.name for p in (place / repo_id).iterdir()], allow_patterns=allow_patterns):
            shutil.copy(place / repo_id / name, fetched / name)
        return str(fetched)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return place


def test_a_bundle_comes_back_from_the_hub_to_the_byte(written, hub):
    assert push_bundle(written, "me/model") == "https://hub.test/me/model"
    fetched = fetch_bundle("me/model")
    assert sorted(p.name for p in fetched.iterdir()) == sorted([WEIGHTS, CONFIG, CARD])
    assert all((fetched / p.name).read_bytes() == p.read_bytes() for p in written.iterdir())
    assert read_bundle(fetched).config == read_bundle(written).config


def test_a_foreign_file_is_neither_pushed_nor_fetched(written, hub):
    (written / "modeling.py").write_text("raise SystemExit")
    push_bundle(written, "me/model")
    assert sorted(p.name for p in (hub / "me" / "model").iterdir()) == sorted([WEIGHTS, CONFIG, CARD])
    (hub / "me" / "model" / "modeling.py").write_text("raise SystemExit")
    assert not (fetch_bundle("me/model@v1") / "modeling.py").exists()


def test_nothing_that_can_run_is_among_the_files_of_a_bundle():
    assert {Path(name).suffix for name in BUNDLE_FILES} == {".safetensors", ".json", ".md"}


def test_a_second_push_takes_away_what_the_bundle_no_longer_has(tmp_path, tiny_config, written, hub):
    more = _written(tmp_path / "more", tiny_config, beside={IMAGE_ENCODER: {"image_encoder.w": torch.ones(2)}})
    push_bundle(more, "me/model")
    assert (hub / "me" / "model" / IMAGE_ENCODER).read_bytes() == (more / IMAGE_ENCODER).read_bytes()
    push_bundle(written, "me/model")
    assert not (hub / "me" / "model" / IMAGE_ENCODER).exists()


def test_a_damaged_bundle_is_not_pushed(written, hub):
    (written / CARD).write_text("better than it is")
    with pytest.raises(BadBundle, match="SHA-256"):
        push_bundle(written, "me/model")
    assert not hub.exists()


@pytest.mark.parametrize("private", [True, False])
def test_a_model_that_others_see_differently_than_asked_is_left_alone(written, hub, private):
    push_bundle(written, "me/model", private=not private)
    (hub / "me" / "model" / CARD).write_text("older")
    with pytest.raises(BadOption, match=f"{'public' if private else 'private'} model of this name"):
        push_bundle(written, "me/model", private=private)
    assert (hub / "me" / "model" / CARD).read_text() == "older"


@pytest.mark.parametrize("repo_id", ["model", "me/model/more", "../model", ""])
def test_a_push_needs_owner_and_name(written, hub, repo_id):
    with pytest.raises(BadOption, match="OWNER/NAME"):
        push_bundle(written, repo_id)


def test_a_local_folder_wins_and_needs_no_library(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(written.parent.parent)
    named = f"{written.parent.name}/{written.name}"
    assert fetch_bundle(named) == Path(named)
    assert fetch_bundle(written) == written


@pytest.mark.parametrize("path", ["model", "runs/deep/model", "../runs/model", "runs/model", "./model", "~/model"])
def test_a_mistyped_path_is_no_name_on_the_hub(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(BadBundle, match="no such folder"):
        fetch_bundle(path)


@pytest.mark.parametrize("revision", ["../../main", "-x", "a b", "a..b"])
def test_a_revision_that_is_none_is_refused(revision):
    with pytest.raises(BadOption, match="a branch, tag or commit"):
        fetch_bundle("me/model", revision=revision)


def test_the_revision_in_the_name_is_asked_for(hub, written):
    push_bundle(written, "me/model")
    assert fetch_bundle("me/model@v2").name == "v2"
    assert fetch_bundle("me/model", revision="v3").name == "v3"


def _answer(kind: type[errors.HfHubHTTPError], status: int) -> Exception:
    error = kind.__new__(kind)
    error.response = SimpleNamespace(status_code=status)
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.LocalEntryNotFoundError("two\nlines"), "no connection.*no whole copy is in the cache.*HF_HOME.*HF_HUB_OFFLINE"),
        (errors.OfflineModeIsEnabled("off"), "no connection"),
        (ConnectionError("reset"), "no connection"),
        (errors.HfHubHTTPError.__bases__[0]("the HTTP client's own"), "no connection"),
        (_answer(errors.GatedRepoError, 403), "asks for permission.*HF_TOKEN"),
        (_answer(errors.RepositoryNotFoundError, 404), "no such model.*HF_TOKEN"),
        (_answer(errors.RevisionNotFoundError, 404), "no revision main"),
        (_answer(errors.HfHubHTTPError, 401), "refusal 401.*HF_TOKEN"),
        (_answer(errors.HfHubHTTPError, 503), "answer 503.*try again"),
        (errors.HFValidationError("--"), "expected OWNER/NAME"),
        (PermissionError(13, "denied"), "may not be written.*HF_HOME"),
        (TypeError("an argument of\nanother version"), "TypeError.*update huggingface_hub"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_hub_refuses_is_one_line_that_says_what_to_do(monkeypatch, error, said):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(BadBundle, match=f"me/model: found .*{said}") as refusal:
        fetch_bundle("me/model")
    assert "\n" not in str(refusal.value)


def test_a_push_without_network_is_one_line(written, monkeypatch):
    def refuse(*_, **__):
        raise errors.OfflineModeIsEnabled("off")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    with pytest.raises(BadBundle, match=r"no connection.*push from a machine with network"):
        push_bundle(written, "me/model")


def test_a_full_disk_is_said_as_such(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(NoSpace):
        fetch_bundle("me/model")


def test_the_cache_serves_without_network_and_what_it_lacks_is_one_line(written, tmp_path):
    cached = tmp_path / "home" / "hub" / "models--me--model"
    commit = "a" * 40
    shutil.copytree(written, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    asked = (
        "from cardiolens.bundles.hub import answering_bundle\n"
        "from cardiolens.errors import BadBundle\n"
        "print(answering_bundle('me/model').config.name)\n"
        "try:\n    answering_bundle('me/other')\nexcept BadBundle as error:\n    print(error)"
    )
    offline = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", asked], env=offline, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    name, refusal = done.stdout.splitlines()
    assert name == "tiny"
    assert refusal.startswith("me/other: found no connection to the hub")


def test_a_bundle_without_heads_says_how_to_start_from_it(tmp_path, tiny_config):
    config = replace(tiny_config, heads=(), measurements=(), model=replace(tiny_config.model, heads=()))
    path = _written(tmp_path / "encoders", config)
    assert read_bundle(path).model().embed(torch.zeros(1, 12, 20)).shape == (1, 8)
    assert "answers nothing before it is fine-tuned" in (path / CARD).read_text()
    with pytest.raises(BadBundle, match=r"encoders: found encoders but no heads.*--start-from encoders"):
        answering_bundle(path)


def test_the_bundle_that_ships_answers_where_none_is_named():
    assert answering_bundle().config.heads
