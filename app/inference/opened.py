"""The models that are open: opened when first asked for, kept by least recent use within a memory budget."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.inference.requests import Mix
from models.catalogue import CARD, DIRECTIONS, weights_of
from models.errors import OutOfMemory

if TYPE_CHECKING:
    from models.opening import Model

logger = logging.getLogger(__name__)

Opener = Callable[[str | Mix], "tuple[Model, int]"]


class OpenedModels:
    """Models by the name or path they were asked for.

    `opener(name)` gives a model and the bytes it holds; `budget` is how many bytes all of them may hold together: beyond it
    the least recently used go, but never the one that is asked for. A file that changed on disk is opened anew.
    """

    def __init__(self, opener: Opener, budget: int) -> None:
        self._opener = opener
        self.budget = budget
        self._open: OrderedDict[tuple[Any, ...], tuple[Model, int]] = OrderedDict()

    def get(self, name: str | Mix) -> Model:
        """The opened model. Raises what opening it raises (`CheckpointError`, `NeedsAnswer`, `BadInput`, `OutOfMemory`)."""
        key = _key(name)
        if key not in self._open:
            self._forget(key[0])  # an older state of the same file
            try:
                self._open[key] = self._opener(name)
            except OutOfMemory:
                if not self.forget_all():
                    raise
                self._open[key] = self._opener(name)
            logger.info("opened %s: %.0f MB", name, self._open[key][1] / 1e6)
        self._open.move_to_end(key)
        self._shrink()
        return self._open[key][0]

    def forget(self, name: str) -> None:
        """Drop a model, and what it is mixed into: it was removed, or its file changed."""
        for known in {key[0] for key in self._open}:
            if known == name or (isinstance(known, Mix) and name in (known.model, known.other)):
                self._forget(known)

    def _forget(self, name: str | Mix) -> None:
        for key in [key for key in self._open if key[0] == name]:
            del self._open[key]

    def forget_all(self, but: str | Mix | None = None) -> bool:
        """Drop all models (but one) to make room; False where there was nothing to drop."""
        from models import device

        dropped = [key for key in self._open if key[0] != but]
        for key in dropped:
            del self._open[key]
        if dropped:
            logger.info("dropped %d models to make room", len(dropped))
            device.give_back()
        return bool(dropped)

    @property
    def names(self) -> list[str | Mix]:
        """What is open, the least recently used first."""
        return [key[0] for key in self._open]

    def _shrink(self) -> None:
        while len(self._open) > 1 and sum(size for _, size in self._open.values()) > self.budget:
            (name, *_), _ = self._open.popitem(last=False)
            logger.info("dropped %s: the least recently used", name)


def _key(name: str | Mix) -> tuple[Any, ...]:
    """A catalogue name stays what it is; a file is known by its time and size too, and by those of its card and directions, a
    mixture by what is known of both."""
    if isinstance(name, Mix):
        return (name, *_key(name.model)[1:], *_key(name.other)[1:])
    weights = weights_of(Path(name))
    state = _state(weights)
    if state is None:
        return (name,)
    return (name, state, *(_state(weights.parent / part) for part in (CARD, DIRECTIONS)))


def _state(path: Path) -> tuple[int, int] | None:
    """When a file was written, and its size; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name that no system has
        return None
    return found.st_mtime_ns, found.st_size
