"""A NIfTI file as it lies on disk: its grid of numbers, its affine and its units. Bounded before any memory is taken."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np
from jaxtyping import Float, Shaped

from cardiolens.errors import BadImage

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

MOST_VALUES = 128 << 20
"""Of a file: 512 MiB in single precision."""

MOST_BYTES = 1 << 30
"""Of a file, unpacked: as many values as doubles."""

SUFFIXES = (".nii", ".nii.gz")

_Found = TypeVar("_Found")
_GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20
_LONGEST_HEADER = 540
_SIZES = {348: "n+1", 540: "n+2"}
_MILLIMETRES = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}
_MILLISECONDS = {8: 1000.0, 16: 1.0, 24: 1e-3}


@dataclass(frozen=True)
class NiftiFile:
    """One file. Axes are the file's own three of space, and phases."""

    stored: Shaped[np.ndarray, "i j k phase"]
    """As stored, before `slope` and `intercept`."""
    slope: float
    intercept: float
    ras_mm: Float[np.ndarray, "4 4"] | None
    """From indices to RAS millimetres; None where the file says neither directions nor place."""
    pixel_mm: tuple[float, float, float]
    """Sizes beside the affine; zero or not finite where they are lost."""
    step: float
    """Time between phases in the unit of the file."""
    step_unit_ms: float | None
    """Milliseconds of that unit; None where it is missing or no time."""
    has_length_unit: bool


def read_nifti(path: Path) -> NiftiFile:
    """A NIfTI-1 or NIfTI-2 file of three or four dimensions, plain or packed by gzip, of either byte order.

    Raises:
        BadImage: it is no such file, cut off, damaged, of colours or complex numbers, or larger than 128 Mi values or 1 GiB.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as stream:
            return _read(path, stream)
    except (OSError, EOFError, zlib.error) as error:
        what = "a damaged or cut off gzip file" if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error) else "a file"
        reason = getattr(error, "strerror", None) or type(error).__name__
        _refuse(path, f"{what} that cannot be read ({reason})", "a whole NIfTI file", error)


def _read(path: Path, stream: io.BufferedIOBase) -> NiftiFile:
    start = stream.read(_LONGEST_HEADER)
    header = _header(path, start)
    shape = _shape(path, header)
    begins, dtype = _checked(path, lambda: (int(header["vox_offset"]), header.get_data_dtype()))
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        _refuse(path, f"values of type {dtype}", "integers or real numbers")
    count = int(np.prod(shape, dtype=object))
    size = count * dtype.itemsize
    if count > MOST_VALUES or begins + size > MOST_BYTES:
        _refuse(path, f"{' x '.join(map(str, shape))} values", f"at most {MOST_VALUES >> 20} Mi and {MOST_BYTES >> 30} GiB")
    if begins < int(header["sizeof_hdr"]):
        _refuse(path, f"values that begin at byte {begins}", "values after the header")
    content = _exactly(path, stream, start, begins + size)
    stored = np.frombuffer(content, dtype, count, begins).reshape(shape, order="F")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):  # as the standard has it: no scaling at all
        slope, intercept = 1.0, 0.0
    if not np.isfinite(intercept):
        _refuse(path, f"a scale of {slope:g} and {intercept:g}", "a finite one")
    units = int(header["xyzt_units"])
    length = _MILLIMETRES.get(units & 7, 1.0)
    sizes = [float(size) * length for size in header["pixdim"][1:4]]
    return NiftiFile(
        stored=stored, slope=slope, intercept=intercept, ras_mm=_affine(path, header, length),
        pixel_mm=(sizes[0], sizes[1], sizes[2]), step=float(header["pixdim"][4]),
        step_unit_ms=_MILLISECONDS.get(units & 56), has_length_unit=bool(units & 7),
    )  # fmt: skip


def _header(path: Path, start: bytes) -> Nifti1Header:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    for order in ("little", "big"):
        size = int.from_bytes(start[:4], order)
        if size in _SIZES and len(start) >= size:
            kind = Nifti1Header if size == 348 else Nifti2Header
            header = kind(start[:size], "<" if order == "little" else ">", check=False)
            magic = bytes(header["magic"])[:3].decode("latin-1")
            if magic == _SIZES[size]:
                return header
            if magic in {"ni1", "ni2"}:
                _refuse(path, "one of a pair of files (.hdr and .img)", "a single NIfTI file")
    _refuse(path, "a file of another kind" if start else "an empty file", "a NIfTI file (.nii or .nii.gz)")


def _shape(path: Path, header: Nifti1Header) -> tuple[int, int, int, int]:
    num_axes, *sizes = map(int, header["dim"])
    sizes = sizes[: num_axes if 1 <= num_axes <= 7 else 0]
    while len(sizes) > 4 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) not in {3, 4} or min(sizes) < 1:
        _refuse(path, f"a picture of size {' x '.join(map(str, sizes)) or 'unknown'}", "three dimensions, or four with time")
    i, j, k, *phases = sizes
    return i, j, k, phases[0] if phases else 1


def _affine(path: Path, header: Nifti1Header, length: float) -> Float[np.ndarray, "4 4"] | None:
    if int(header["sform_code"]) > 0:
        affine = header.get_sform()
    elif int(header["qform_code"]) > 0:
        affine = _checked(path, header.get_qform)
    else:
        return None
    affine = np.array(affine, dtype=float)
    affine[:3] *= length
    if not np.isfinite(affine).all() or np.abs(affine).max() > 1e6:
        _refuse(path, "an affine that is not finite", "the place of the picture in millimetres")
    return affine


def _exactly(path: Path, stream: io.BufferedIOBase, start: bytes, size: int) -> bytes:
    """The first `size` bytes, in pieces: a promise in the header takes no memory."""
    content = io.BytesIO()
    content.write(start[:size])
    while content.tell() < size:
        piece = stream.read(min(size - content.tell(), _CHUNK_BYTES))
        if not piece:
            _refuse(path, f"a file cut off after {content.tell()} of {size} bytes", "a whole NIfTI file")
        content.write(piece)
    stream.read(1)  # beyond the last value a gzip stream checks its sum
    return content.getvalue()


def _checked(path: Path, read: Callable[[], _Found]) -> _Found:
    from nibabel.spatialimages import HeaderDataError

    try:
        return read()
    except (HeaderDataError, ValueError, KeyError, OverflowError, FloatingPointError, np.linalg.LinAlgError) as error:
        _refuse(path, f"a damaged header ({type(error).__name__})", "a whole NIfTI file", error)


def _refuse(path: Path, found: str, expected: str, cause: Exception | None = None) -> NoReturn:
    raise BadImage(path, found=found, expected=expected, remedy="write or download the file again") from cause
