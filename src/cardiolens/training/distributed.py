"""Several processes train one model, each on its share of every batch; `torchrun` starts them.

After every step all of them hold the same numbers: weights, optimiser, running statistics, sums of the epoch. So the first one
alone writes the run's files, and what it wrote is where all of them go on. Gradients are averaged in one message after the
backward pass and not by PyTorch's DistributedDataParallel: docs/decisions/0010-many-devices.md says why.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous

from cardiolens.batch import Share, StepOutput
from cardiolens.errors import BadInput, BadOption, CardiolensError
from cardiolens.methods.global_batch import num_processes, with_others
from cardiolens.training.device import choose_device

Answer = TypeVar("Answer")

_FROM_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LONGEST_WAIT = timedelta(minutes=30)
_SECONDS_TO_SPEAK = 5.0
"""torchrun ends all processes as soon as one has ended; so long the silent ones leave the one that speaks."""
_FAILED = "failed"
"""What the store counts: processes that failed."""
_LONGEST_OUTLASTING_S = 10.0
_BETWEEN_LOOKS_S = 0.01


@contextmanager
def joined(device: str) -> Iterator[torch.device]:
    """Inside, this process and the others that `torchrun` started train together, on the device that is yielded.

    `device` is what a user typed: every process takes the GPU of its local rank, or all compute on the CPU. Without `torchrun`
    it is `choose_device`. Of processes that fail only the first to do so passes its error on; the others end silently.

    Raises:
        BadOption: no such device, or fewer GPUs than processes on a machine.
    """
    if not (set(os.environ) >= set(_FROM_TORCHRUN) and int(os.environ["WORLD_SIZE"]) > 1):
        yield choose_device(device)
        return
    # Its functions take the group of the moment of their import for a default. The optimiser would import it later, and a group
    # that is held lives on after it was left: its threads would then still run while Python ends, which aborts the process.
    importlib.import_module("torch.distributed.nn.functional")
    store, rank, processes = next(rendezvous("env://", timeout=_LONGEST_WAIT))
    waits_for_the_dead, failed = False, False
    try:
        place = own_device(device)
        waits_for_the_dead = place.type == "cuda"
        if place.type == "cuda":
            torch.cuda.set_device(place)
        distributed.init_process_group(
            # Numbers that a processor needs at once do not go through a GPU, which would be waited for.
            "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo",
            store=distributed.PrefixStore("training", store),
            rank=rank,
            world_size=processes,
            timeout=_LONGEST_WAIT,
        )
        yield place
        waits_for_the_dead = False
    except BaseException as error:
        # What all processes were told at the same step leaves nobody waiting.
        waits_for_the_dead &= not isinstance(error, (BadInput, KeyboardInterrupt, SystemExit))
        if not isinstance(error, (CardiolensError, OSError, KeyboardInterrupt)):
            raise
        failed = True
        if not _is_first_to_speak(store):
            time.sleep(_SECONDS_TO_SPEAK)
            raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 2) from error
        raise
    finally:
        if distributed.is_initialized() and not waits_for_the_dead:
            distributed.destroy_process_group()
        if failed:
            _outlast_the_others(store, rank, processes)


def own_device(name: str) -> torch.device:
    """The device of one of several processes, from what a user typed.

    Raises:
        BadOption: no such device, one GPU by number, or fewer GPUs than processes on this machine.
    """
    local, here, gpus = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    place = choose_device(name)
    if place.type == "cpu":
        return place
    if name not in ("auto", "cuda") or gpus < here:
        raise BadOption(
            "--device",
            found=f"{name}, {gpus} GPUs and {here} processes on this machine",
            expected="auto, cuda or cpu, and a GPU for every process",
            remedy="start as many processes per machine as it has GPUs",
        )
    return torch.device("cuda", local)


def own_share() -> Share:
    """Which rows of every batch are this process's."""
    processes = num_processes()
    return Share(distributed.get_rank() if processes > 1 else 0, processes)


def is_first() -> bool:
    """Whether this process is the one that writes; the only one always is."""
    return own_share().rank == 0


def from_first(work: Callable[[], Answer]) -> Answer:
    """What `work` gives in the first process, which alone does it, in every process. Its error is everybody's error.

    Raises:
        LostProcess: another process ended.
    """
    if num_processes() == 1:
        return work()
    answer: list[object] = [None, None]
    if is_first():
        try:
            answer[0] = work()
        except Exception as error:  # noqa: BLE001 - raised in every process
            answer[1] = error
    with with_others():
        distributed.broadcast_object_list(answer, src=0, device=torch.device("cpu"))
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def largest(number: int) -> int:
    """The largest of the processes' numbers, in every process; waits for the others' processors and for no GPU."""
    if num_processes() == 1:
        return number
    shown = torch.tensor(number)
    with with_others():
        distributed.all_reduce(shown, op=distributed.ReduceOp.MAX)
    return int(shown)


def average(tensors: Iterable[Tensor]) -> None:
    """Replace every tensor by its mean over the processes, in one message per type of number."""
    if num_processes() == 1:
        return
    of_type: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        of_type.setdefault(tensor.dtype, []).append(tensor)
    for same in of_type.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in same])
        with with_others():
            distributed.all_reduce(flat)
        flat /= num_processes()
        for tensor, mean in zip(same, flat.split([tensor.numel() for tensor in same]), strict=True):
            tensor.copy_(mean.view_as(tensor))


def averaged(output: StepOutput) -> StepOutput:
    """Loss and metrics of the whole batch, from what the processes say of their shares (`methods.global_batch`); detached."""
    if num_processes() == 1:
        return output
    values = {"loss": output.loss} | output.metrics
    stacked = torch.stack([value.detach().double() for value in values.values()])
    average([stacked])
    loss, *metrics = stacked.unbind()
    return StepOutput(loss, dict(zip(output.metrics, metrics, strict=True)), output.scores)


def running_statistics(method: nn.Module) -> list[Tensor]:
    """What batch norm keeps for evaluation. Every process normalises its share by the share's own statistics, as PyTorch's data
    parallelism does; the mean over processes of the running ones is what all of them keep."""
    norms = [module for module in method.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    return [kept for norm in norms for kept in (norm.running_mean, norm.running_var) if kept is not None]


def sync_batch_norm(method: nn.Module, device: torch.device) -> None:
    """Make batch norm take its statistics over the shares of all processes; alone it does so anyway. Names of weights stay.

    Raises:
        BadOption: several processes on a CPU, where PyTorch has no such layer.
    """
    if num_processes() == 1:
        return
    if device.type != "cuda":
        raise BadOption(
            "training.sync_batch_norm",
            found=f"true on {device.type}",
            expected="false, or a GPU for every process",
            remedy="leave it out; every process then normalises its share",
        )
    nn.SyncBatchNorm.convert_sync_batchnorm(method)


def take_over(method: nn.Module) -> None:
    """Give every process the first one's weights: fresh ones may differ in the last bit from one processor to another."""
    if num_processes() > 1:
        for tensor in method.state_dict().values():
            # Kernels whose channels lie side by side cannot be sent as they lie.
            sent = tensor.contiguous()
            with with_others():
                distributed.broadcast(sent, src=0)
            tensor.copy_(sent)


def _outlast_the_others(store: distributed.Store, rank: int, processes: int) -> None:
    """Where this failed process holds the store: stay until the others have seen in it that the reason is being said."""
    if rank != 0 or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        return
    end = time.monotonic() + _LONGEST_OUTLASTING_S
    while (failed := store.add(_FAILED, 0)) < processes and time.monotonic() < end:
        if failed > 1:
            # Their end may be the end of this process too, which has yet to speak.
            end = min(end, time.monotonic() + _SECONDS_TO_SPEAK / 2)
        time.sleep(_BETWEEN_LOOKS_S)


def _is_first_to_speak(store: distributed.Store) -> bool:
    try:
        return store.add(_FAILED, 1) == 1
    except RuntimeError:
        # Whoever held the store is gone, and may have said nothing.
        return True
