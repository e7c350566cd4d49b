"""Where to compute, from what a user typed."""

from __future__ import annotations

import torch

from cardiolens.errors import BadOption


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU; otherwise `cpu`, `cuda` or `cuda:1`.

    Raises:
        BadOption: no such device here.
    """
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    known = ["auto", "cpu", *(["cuda", *gpus] if gpus else [])]
    if name not in known:
        raise BadOption(
            "--device", found=name, expected=f"one of {', '.join(known)}", remedy="choose a device that this machine has"
        )
    if name == "auto":
        return torch.device("cuda:0" if gpus else "cpu")
    return torch.device("cuda:0" if name == "cuda" else name)
