"""A graphics card that is none: the processor answers for one, so that what Ganvas does with a card's memory is tried anywhere.

torch.cuda's functions about memory are stood in for, and every tensor made inside is counted as if it lay on the card. What goes
beyond the share that may be used is refused as torch's allocator does it. Nothing is known by it about speed, fragments of
memory, or what cuDNN asks for.
"""

from __future__ import annotations

import contextlib
import weakref
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from models import device


def stand_in(patches: contextlib.ExitStack, functions: dict[str, Any]) -> None:
    """torch.cuda's functions are these until `patches` is closed, and nobody has left a share of any card's memory."""
    for name, does in functions.items():
        patches.enter_context(mock.patch.object(torch.cuda, name, does))
    patches.enter_context(mock.patch.object(device, "_allowed", {}))


class PretendedCard(TorchDispatchMode):
    """Used by `with`, on one thread: "cpu" is a card of `total` bytes there, of which others hold `taken`."""

    def __init__(self, total: int, taken: int = 0) -> None:
        super().__init__()
        self.total, self.taken, self.share = total, taken, 1.0
        self.used = self.peak = self.refused = 0
        self._sizes: dict[int, int] = {}
        self._patches = contextlib.ExitStack()

    def __enter__(self) -> PretendedCard:
        functions: dict[str, Any] = {
            "mem_get_info": lambda number: (self.total - self.taken - self.used, self.total),
            "memory_reserved": lambda number: self.used,
            "memory_allocated": lambda number: self.used,
            "max_memory_reserved": lambda number: self.peak,
            "max_memory_allocated": lambda number: self.peak,
            "reset_peak_memory_stats": lambda number: setattr(self, "peak", self.used),
            "get_device_properties": lambda number: SimpleNamespace(total_memory=self.total),
            "set_per_process_memory_fraction": lambda share, number: setattr(self, "share", share),
            "empty_cache": lambda: None,
        }
        stand_in(self._patches, functions)
        self._patches.enter_context(mock.patch.object(device, "has_own_memory", return_value=True))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patches.close()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in tree_iter(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        if self.used > self.share * self.total:
            self.refused += 1
            del made, tensor
            raise torch.OutOfMemoryError("CUDA out of memory. (This card is pretended.)")
        self.peak = max(self.peak, self.used)
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.used += self._sizes[key]
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.used -= self._sizes.pop(key)
