"""Every method on two processes against one: the same loss and the same gradients. One pair of processes serves all."""

import multiprocessing
import pickle
from dataclasses import replace

import pytest
import torch
from every_method import METHODS, six_subjects
from torch import nn
from torch.testing import assert_close

from cardiolens.batch import Share
from cardiolens.methods.global_batch import gathered, mean_over_known, mean_over_rows, num_processes, shared

ROWS = (6, 5)
"""Of five rows one process has three and the other two."""


def _numbers_and_gradients(config, batch):
    """Of one training step; batch norm uses its stored statistics, since those of a part are not those of the whole."""
    method = config.build(seed=0).train()
    for module in method.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    with shared(batch):
        output = method(batch)
        output.loss.backward()
    gradients = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    return {"loss": output.loss.detach()} | output.metrics, gradients


def _process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = {}
    for rows in ROWS:
        half = replace(six_subjects().rows(Share(rank, 2).of(rows)), whole=rows)
        for name, config in METHODS.items():
            numbers, gradients = _numbers_and_gradients(config, half)
            for tensor in (*numbers.values(), *gradients.values()):
                torch.distributed.all_reduce(tensor)
                tensor /= 2
            found[name, rows] = (numbers, gradients)
    if rank == 0:
        with open(f"{folder}/found.pickle", "wb") as file:
            pickle.dump(found, file)
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def on_two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    context = multiprocessing.get_context("spawn")
    pair = [context.Process(target=_process, args=(rank, str(folder))) for rank in (0, 1)]
    for one in pair:
        one.start()
    for one in pair:
        one.join(timeout=240)
        assert one.exitcode == 0
    return pickle.loads((folder / "found.pickle").read_bytes())


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", METHODS)
def test_two_processes_have_the_loss_the_metrics_and_the_gradients_of_one(on_two_processes, name, rows):
    numbers, gradients = _numbers_and_gradients(METHODS[name], six_subjects().rows(slice(0, rows)))
    other_numbers, other_gradients = on_two_processes[name, rows]
    assert_close(other_numbers, numbers, rtol=1e-5, atol=1e-6)
    assert other_gradients.keys() == gradients.keys()
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    assert largest > 1e-4, "gradients that vanish would be equal, too"
    for key, gradient in gradients.items():
        assert_close(other_gradients[key], gradient, rtol=1e-4, atol=2e-5 * largest, msg=lambda text, key=key: f"{key}: {text}")


def test_the_test_would_see_a_loss_that_compares_within_a_process_alone():
    """A contrastive loss of halves, averaged, is another number than that of the whole."""
    whole, _ = _numbers_and_gradients(METHODS["contrastive"], six_subjects())
    parts = [_numbers_and_gradients(METHODS["contrastive"], six_subjects().rows(slice(k, k + 3)))[0] for k in (0, 3)]
    assert abs(float(sum(part["loss"] for part in parts) / 2 - whole["loss"])) > 0.05


def test_one_process_alone_gathers_nothing():
    rows = torch.rand(3, 2)
    assert num_processes() == 1
    assert gathered(rows) is rows


def test_the_mean_counts_what_is_known():
    losses = torch.tensor([[1.0, 5.0], [3.0, float("nan")]])
    known = torch.tensor([[True, False], [True, False]])
    assert mean_over_known(losses, known) == 2
    assert mean_over_known(losses, torch.zeros_like(known)) == 0


def test_the_mean_over_rows_of_one_process_is_the_mean():
    values = torch.rand(3, 7)
    assert torch.equal(mean_over_rows(values), values.mean())
