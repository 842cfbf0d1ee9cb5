"""Run a network piece by piece, and say in our own words what went wrong: no memory, or a picture that cannot be right."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from models.device import advice
from models.errors import BadPicture, OutOfMemory
from models.steps import Steps, T

if TYPE_CHECKING:
    from models.precision import N, Precise

Y = TypeVar("Y")

# torch tries one of cuDNN's ways after the other, passes over those that there is no memory for, and then says this.
_NO_ENGINE = "unable to find an engine to execute this computation"
# How the allocators say it where torch raises a plain RuntimeError: the processor's, oneDNN's, cuBLAS', cuDNN's and Metal's.
_TEXTS_OF_NO_MEMORY = (
    "defaultcpuallocator: can't allocate memory",
    "defaultcpuallocator: not enough memory",
    "could not create a memory object",
    "out of memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cudnn_status_internal_error_host_allocation_failed",
    _NO_ENGINE,
)

_TEXTS_OF_CARDS = ("cuda", "cublas", "cudnn_status_alloc_failed", "mps backend", _NO_ENGINE)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this error of torch means that the device's memory is full. The one place where that is told apart."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _TEXTS_OF_NO_MEMORY)


def _of_a_card(error: BaseException) -> bool:
    """Whether the memory that is full is a graphics card's, and not the computer's own."""
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error).lower() for text in _TEXTS_OF_CARDS)


@contextmanager
def piece_of_work() -> Iterator[None]:
    """One piece of inference: no gradients are kept, and a full memory is `OutOfMemory`."""
    with memory_said(), torch.inference_mode():
        yield


@contextmanager
def memory_said() -> Iterator[None]:
    """A full memory is `OutOfMemory`, whichever way torch says it."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            full, hint = "computer", "Close other programs, or take a smaller piece."
            if _of_a_card(error):
                full, hint = "graphics card", advice() or "A smaller piece may fit."
            why = f"torch says: {_first_line(error)}"
            raise OutOfMemory(f"The {full} has no memory left for this picture.", why, hint) from error
        raise


def in_pieces(steps: Generator[Y, None, T]) -> Generator[Y, None, T]:
    """The same steps, each run as a `piece_of_work`. Between two of them no mode of torch is left switched on."""
    try:
        while True:
            with piece_of_work():
                try:
                    made = next(steps)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
            yield made
    finally:
        steps.close()


def finite_or_again(precise: Precise[N], work: Callable[[N], Steps[torch.Tensor]], exact: bool = False) -> Steps[torch.Tensor]:
    """Result of `work` on the network, run again in float32 (and from then on) where it is not finite; else `BadPicture`.

    `exact` asks for float32 this time, whatever the network's usual precision.
    """
    result = yield from in_pieces(work(precise.exact if exact else precise.network))
    if bool(torch.isfinite(result).all()):
        return result
    if precise.distrust():
        result = yield from in_pieces(work(precise.network))
        if bool(torch.isfinite(result).all()):
            return result
    raise not_finite()


def not_finite() -> BadPicture:
    """What is said where float32 gave no picture either."""
    return BadPicture(
        "The model returned numbers that make no picture.",
        "Some of its values are infinite or undefined even in float32.",
        "Its file may be damaged; add it again.",
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
