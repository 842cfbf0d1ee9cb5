"""Several CUDA cards in one machine that has none: the processor computes, and every tensor says which card it lies on.

What only shows where there are several is tried so: that whoever was told "cuda:1" puts nothing on another card and asks none
about memory, and that tensors of two cards never meet. Speed, memory and CUDA itself are not tried. Upscalers run on it; not all
of torch does.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from benchmarks.pretended_card import stand_in
from models import device

MEMORY = 8 << 30
CPU = torch.device("cpu")
_MOVES = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}  # from one device to another


class OnCard(torch.Tensor):
    """A tensor that lies on a card, as it seems; `held` is the same on the processor. To torch's own code it has no data and lies
    there too: without CUDA there is nothing behind the name of a card."""

    held: torch.Tensor
    card: torch.device

    @staticmethod
    def __new__(cls: type[OnCard], real: torch.Tensor, card: torch.device) -> OnCard:
        made: OnCard = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, real.size(), real.stride(), real.storage_offset(), dtype=real.dtype, device=CPU
        )
        made.held, made.card = real, card
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The card."""
        return self.card

    def cpu(self, memory_format: torch.memory_format = torch.preserve_format) -> torch.Tensor:
        """A copy on the processor."""
        return torch.ops.aten._to_copy.default(self, device=CPU, memory_format=memory_format)  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """Its numbers."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{function} was called outside of {PretendedCards.__name__}")


class PretendedCards(TorchDispatchMode):
    """Used by `with`, on one thread: the machine has `count` cards, of which a process may use one."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.used: torch.device | None = None
        self._patches = contextlib.ExitStack()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        flat, _ = tree_flatten((args, kwargs))
        cards = {one.device for one in flat if isinstance(one, OnCard)}
        plain = any(isinstance(one, torch.Tensor) and not isinstance(one, OnCard) and one.dim() for one in flat)
        if len(cards) > 1 or (cards and plain and function not in _MOVES):
            places = sorted(map(str, cards | ({CPU} if plain else set())))
            raise RuntimeError(f"Expected all tensors to be on the same device, but found {', '.join(places)} ({function}).")
        place = args[0].device if function is torch.ops.aten.copy_.default else next(iter(cards), CPU)
        for named in (one for one in flat if isinstance(one, torch.device)):
            place = self.numbered(named)
        kwargs.pop("pin_memory", None)
        if function is torch.ops.aten._to_copy.default:
            kwargs.pop("non_blocking", None)
        given = {id(one.held): one for one in flat if isinstance(one, OnCard)}
        here_args, here = tree_map_only((OnCard, torch.device), _on_processor, (args, kwargs))
        made = function(*here_args, **here)
        if place.type != "cuda":
            return made
        self.uses(place)

        def there(one: torch.Tensor) -> OnCard:
            known = given.get(id(one))
            return OnCard(one, place) if known is None else known

        return tree_map_only(torch.Tensor, there, made)

    def numbered(self, place: torch.device) -> torch.device:
        """The device with its number; plain "cuda" is what torch calls the current card, which is the first one."""
        return torch.device("cuda", place.index or 0) if place.type == "cuda" else place

    def uses(self, card: torch.device | int) -> None:
        """Something lies on a card, or is asked of it. `RuntimeError` where this process uses another."""
        card = torch.device("cuda", card) if isinstance(card, int) else self.numbered(card)
        if card.index >= self.count:
            raise RuntimeError(f"There is no {card}.")
        if self.used not in (None, card):
            raise RuntimeError(f"A process that uses {self.used} has turned to {card}.")
        self.used = card

    def __enter__(self) -> PretendedCards:
        functions: dict[str, Any] = {
            "is_available": lambda: True,
            "device_count": lambda: self.count,
            "get_device_name": lambda card: f"Pretended card {self.numbered(torch.device(card)).index}",
            "mem_get_info": lambda card: self._asked(card, (MEMORY, MEMORY)),
            "memory_reserved": lambda card: self._asked(card, 0),
            "memory_allocated": lambda card: self._asked(card, 0),
            "get_device_properties": lambda card: SimpleNamespace(total_memory=MEMORY),
            "set_per_process_memory_fraction": lambda share, card: self._asked(card, None),
            "empty_cache": lambda: None,
            "current_stream": lambda card: self._asked(card, None),
            "Event": _Event,
            "_lazy_init": lambda: None,
        }
        stand_in(self._patches, functions)
        self._patches.enter_context(mock.patch.object(device, "_DRIVERS", ("/",)))  # as if there were a driver
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patches.close()

    def _asked(self, card: torch.device | int, answer: Any) -> Any:
        self.uses(card)
        return answer


class _Event:
    """Everything has always happened already."""

    def __init__(self, blocking: bool = False) -> None:
        """Nobody sleeps."""

    def record(self, stream: Any) -> None:
        """A stream is named: the current card's is not meant."""

    def synchronize(self) -> None:
        """It has."""


def _on_processor(one: OnCard | torch.device) -> torch.Tensor | torch.device:
    if isinstance(one, OnCard):
        return one.held
    return CPU if one.type == "cuda" else one
