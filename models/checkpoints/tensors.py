"""Tensors over bytes that are present: nothing is allocated for what a file merely claims to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from models.checkpoints.source import Buffer
from models.errors import CheckpointError

MOST_DIMENSIONS = 8
SPARE = 1 << 20  # bytes that shared tensors may have beyond twice their storage: a few small ones are no harm


def tensor_at(data: Buffer, offset: int, length: int, dtype: torch.dtype) -> torch.Tensor:
    """The `length` bytes at `offset` as one row of numbers, a view of `data` where the processor can read it there.

    The caller has checked that the bytes are present and that `length` is a multiple of the number's size.
    """
    if length == 0:
        return torch.empty(0, dtype=dtype)
    if offset % dtype.itemsize or memoryview(data).readonly:
        return torch.frombuffer(bytearray(data[offset : offset + length]), dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=length // dtype.itemsize, offset=offset)


def strided(storage: torch.Tensor, offset: int, size: Sequence[int], stride: Sequence[int]) -> torch.Tensor:
    """The view of a one-dimensional storage that these numbers describe.

    `CheckpointError` where it reaches beyond the storage or shows an element more than once: such a tensor is larger than
    its bytes, and a few hundred bytes could claim all memory as soon as it is copied.
    """
    numbers = (offset, *size, *stride)
    sane = len(size) == len(stride) <= MOST_DIMENSIONS and all(type(n) is int and 0 <= n < 1 << 60 for n in numbers)
    if not sane:
        raise CheckpointError(
            "A tensor of the file has an impossible size.", f"It is {_shape(size)} with steps {_shape(stride)}."
        )
    if 0 in size:
        return storage[:0].reshape(tuple(size))
    last, count = offset, 1
    for side, step in zip(size, stride, strict=True):
        last += (side - 1) * step
        count *= side
    if last >= storage.numel() or count > storage.numel():
        raise CheckpointError(
            "A tensor of the file is larger than its bytes.",
            f"It claims {_shape(size)} with steps {_shape(stride)}, but only {storage.numel():,} numbers are there.",
        )
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)


def check_bytes(tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """`CheckpointError` where the tensors share their bytes so often that copying them would take far more than the file has."""
    stored = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors.values()}
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if needed > 2 * sum(stored.values()) + SPARE:
        raise CheckpointError(f"This {what} is damaged or malicious.", "Its tensors are far larger than the file.")


def _shape(numbers: Sequence[object]) -> str:
    shown = " x ".join(str(number)[:24] for number in numbers[:MOST_DIMENSIONS])
    return shown + (" ..." if len(numbers) > MOST_DIMENSIONS else "")
