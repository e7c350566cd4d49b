"""Compiled steps against uncompiled ones. In processes of their own: the types that tests check are no part of a graph."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from every_method import METHODS
from safetensors.torch import load_file
from small_methods import run_config, supervised
from torch.testing import assert_close

from cardiolens.configs import digest, to_json
from cardiolens.errors import BadOption
from cardiolens.training.ensemble import can_step_together
from cardiolens.training.step_forward import kind_of_step, require_one_model

PROGRAM = Path(__file__).with_name("compiled_training.py")
CPU = torch.device("cpu")
SOME = ("masked", "in parts", "contrastive", "supervised")
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """Where what was compiled is kept from one process to the next."""
    return tmp_path_factory.mktemp("kernels")


def _ran(*arguments, kernels, status=0, **environment):
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(kernels), "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else None


@pytest.mark.parametrize(
    "names",
    [
        SOME,
        pytest.param(tuple(name for name in METHODS if name not in SOME), marks=pytest.mark.long),
    ],
)
def test_several_epochs_with_a_smaller_last_batch_are_one_graph_that_is_never_made_again(tmp_path, kernels, names):
    found = _ran("graphs", tmp_path, *names, kernels=kernels)
    assert found == {name: {"graphs": 1, "breaks": {}} for name in names}


def test_a_method_that_is_no_graph_is_refused(tmp_path, kernels):
    said = _ran("graphs", tmp_path, "hesitant", kernels=kernels)["hesitant"]
    assert said.startswith("training.compiled: found Hesitant, which does not compile: ")
    assert said.endswith("expected a method that compiles as one graph; set it to false")


def test_draws_are_the_same(kernels):
    found = _ran("draws", kernels=kernels)
    # A normal draw goes through a logarithm and a cosine, which two libraries round differently.
    assert found.pop("normal") < 2e-6
    assert found == dict.fromkeys(("visible", "hidden", "one"), 0.0)


@pytest.mark.parametrize(
    "name", ["plain", *(pytest.param(one, marks=pytest.mark.long) for one in ("masked", "contrastive", "supervised"))]
)
def test_weights_are_those_of_uncompiled_steps_to_rounding_and_those_of_a_run_that_died_to_the_bit(tmp_path, kernels, name):
    whole = _ran("train", name, tmp_path / "whole", "compiled", kernels=kernels)
    assert whole["step"] == "compiled"
    _ran("train", name, tmp_path / "died", "compiled", "die", kernels=kernels, status=9)
    _ran("train", name, tmp_path / "died", "compiled", kernels=kernels)
    _ran("train", name, tmp_path / "eager", kernels=kernels)
    weights = {how: load_file(tmp_path / how / "model.safetensors") for how in ("whole", "died", "eager")}
    assert_close(weights["died"], weights["whole"], rtol=0, atol=0)
    for key, tensor in weights["eager"].items():
        assert_close(
            _decided(key, weights["whole"][key]),
            _decided(key, tensor),
            rtol=1e-4,
            atol=5e-5,
            msg=lambda text, key=key: f"{key}: {text}",
        )


def _decided(name, tensor):
    """Without the bias of attention's keys: no output depends on it, so its gradient is rounding, of which Adam makes steps."""
    if name.endswith(("qkv.bias", "in_proj_bias")):
        query, _, value = tensor.chunk(3)
        return torch.cat([query, value])
    return tensor


def test_without_a_compiler_it_trains_as_ever_and_says_so_once(tmp_path):
    without = _ran("train", "plain", tmp_path / "without", "compiled", kernels=tmp_path / "empty", CXX="no-such-compiler")
    _ran("train", "plain", tmp_path / "eager", kernels=tmp_path)
    assert without["step"].startswith("eager: nothing can be compiled here, ")
    assert "/" not in without["step"]
    assert without["log"].count("nothing can be compiled here") == 1
    assert (tmp_path / "without" / "model.safetensors").read_bytes() == (tmp_path / "eager" / "model.safetensors").read_bytes()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_draws_and_weights_of_a_gpu_are_the_same(tmp_path, kernels):
    found = _ran("draws", "cuda", kernels=kernels)
    assert found.pop("normal") < 2e-6
    assert found == dict.fromkeys(("visible", "hidden", "one"), 0.0)
    step = _ran("train", "contrastive", tmp_path / "compiled", "compiled", "cuda", kernels=kernels)["step"]
    assert step == "compiled, replayed"
    _ran("train", "contrastive", tmp_path / "eager", "cuda", kernels=kernels)
    compiled, eager = (load_file(tmp_path / how / "model.safetensors") for how in ("compiled", "eager"))
    for key, tensor in eager.items():
        assert_close(_decided(key, compiled[key]), _decided(key, tensor), rtol=1e-3, atol=1e-3)


def test_uncompiled_runs_keep_their_digest():
    config = run_config(supervised("lv"))
    assert "compiled" not in to_json(config)["training"]
    compiled = replace(config, training=replace(config.training, compiled=True))
    assert to_json(compiled)["training"]["compiled"] is True
    assert digest(compiled) != digest(config)
    assert kind_of_step(config.training, CPU) == "eager"


def test_what_cannot_be_compiled_is_refused():
    config = run_config(supervised("lv"), compiled=True)
    with pytest.raises(BadOption, match=r"training\.compiled: found true with cached_parts 2"):
        replace(config.training, cached_parts=2)
    for several in ({"trainings": 2, "processes": 1}, {"trainings": 1, "processes": 2}):
        with pytest.raises(BadOption, match=r"training\.compiled: found true for"):
            require_one_model(config.training, **several)
    require_one_model(config.training, trainings=1, processes=1)
    require_one_model(replace(config.training, compiled=False), trainings=2, processes=2)
    assert not can_step_together(config, config)
