"""Numbers on their way to a graphics card and back.

A CUDA card fetches and brings them by itself where they lie in memory that the system never moves (pinned memory), while the
processor goes on. Other devices, and the processor, are waited for.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def sent(numbers: NDArray[Any], place: torch.device) -> torch.Tensor:
    """A copy of `numbers` (uint8 or float32) on a device; on a CUDA card it may be on its way still, ahead of whatever uses it.

    What lies in pinned memory is a copy that nobody else knows of, and torch's allocator gives its place to nobody before the
    card has fetched it: so it can be let go of here.
    """
    fetched = place.type == "cuda"
    waiting = torch.empty(numbers.shape, dtype=_FORMATS[numbers.dtype.name], pin_memory=fetched)
    waiting.numpy()[...] = numbers
    return waiting.to(place, non_blocking=fetched)


_FORMATS = {"uint8": torch.uint8, "float32": torch.float32}


class Arrival:
    """Tensors of one device on their way to the processor's memory."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        self._landed = tensors
        self._brought: torch.cuda.Event | None = None
        place = tensors[0].device
        if place.type == "cuda":
            rooms = [torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True) for tensor in tensors]
            self._landed = [room.copy_(tensor, non_blocking=True) for room, tensor in zip(rooms, tensors, strict=True)]
            # Whoever waits for it sleeps: others decode and encode meanwhile.
            self._brought = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            self._brought.record(torch.cuda.current_stream(place))

    def taken(self) -> list[torch.Tensor]:
        """The tensors, once they are there, in memory of their own: pinned memory is scarce, and is used for the next ones."""
        if self._brought is None:
            return [tensor.cpu() for tensor in self._landed]
        self._brought.synchronize()
        return [tensor.clone() for tensor in self._landed]


def looked(pictures: list[torch.Tensor], seen: list[torch.Tensor]) -> torch.Tensor:
    """What is asked of each picture made, `[n, 5]`: sum, least and most of it, and least and most of what the network saw. It
    stays where the pictures are, since each question that is answered here would hold up a card."""
    rows = [
        torch.stack([made.sum(), made.amin(), made.amax(), found.amin(), found.amax()])
        for made, found in zip(pictures, seen, strict=True)
    ]
    return torch.stack(rows)
