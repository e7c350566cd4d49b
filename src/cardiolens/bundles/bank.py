"""A reference bank: hearts with their MRI to compare an ECG with. Part of a bundle, in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_NAME_BYTES = 32


@dataclass(frozen=True, eq=False)
class ReferenceBank:
    """Row i of everything is the same heart."""

    names: tuple[str, ...]
    """What each is called: a keyed hash, or a number among synthetic hearts."""
    projection: Float[np.ndarray, "heart projection"]
    """Of its MRI picture in the shared space, of unit length."""
    pictures: UInt8[np.ndarray, "heart channel height width"]
    """End-systole, mid, end-diastole."""
    columns: tuple[str, ...]
    """Of `values`: age, sex and phenotypes."""
    values: Float[np.ndarray, "heart column"]
    """NaN where unknown."""

    def tensors(self) -> dict[str, Tensor]:
        """As a file holds them. Unknown values become the largest number of half precision, since weights must be finite."""
        text = np.zeros((len(self.names), _NAME_BYTES), np.uint8)
        for row, name in enumerate(self.names):
            encoded = name.encode("ascii")[:_NAME_BYTES]
            text[row, : len(encoded)] = np.frombuffer(encoded, np.uint8)
        values = np.where(np.isfinite(self.values), self.values, _UNKNOWN)
        return {
            "names": torch.from_numpy(text),
            "projection": torch.from_numpy(self.projection.astype(np.float32)),
            "pictures": torch.from_numpy(np.ascontiguousarray(self.pictures)),
            "values": torch.from_numpy(values.astype(np.float32)),
        }

    @classmethod
    def from_tensors(cls, stored: Mapping[str, Tensor], columns: tuple[str, ...]) -> ReferenceBank:
        """What `tensors` gave.

        Raises:
            ValueError: the tensors do not belong together.
        """
        wanted = {"names", "projection", "pictures", "values"}
        if set(stored) != wanted:
            raise ValueError(f"tensors {', '.join(sorted(stored))[:100]}; a bank has {', '.join(sorted(wanted))}")
        names, projection, pictures, values = (stored[name].numpy() for name in ("names", "projection", "pictures", "values"))
        count = len(names)
        fits = (
            names.shape == (count, _NAME_BYTES)
            and names.dtype == pictures.dtype == np.uint8
            and projection.shape[0] == pictures.shape[0] == count
            and (projection.ndim, pictures.ndim) == (2, 4)
            and values.shape == (count, len(columns))
        )
        if not count or not fits:
            raise ValueError("tensors that do not describe the same hearts")
        text = tuple(bytes(row).rstrip(b"\0").decode("ascii", "replace") for row in names)
        return cls(text, projection, pictures, columns, np.where(values >= _UNKNOWN, np.nan, values).astype(np.float64))

    def nearest(
        self, projection: Float[np.ndarray, "ecg projection"], *, count: int
    ) -> tuple[np.ndarray, Float[np.ndarray, "ecg count"]]:
        """Rows of the most similar hearts of each ECG, most similar first, and their cosines."""
        cosine = projection @ self.projection.T
        rows = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
        return rows, np.take_along_axis(cosine, rows, axis=1)


_UNKNOWN = 65504.0
