"""What the jobs work with: the open models, the measured speeds, and a way to run a model's steps and see how long they took."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.inference.opened import OpenedModels
from app.inference.requests import FurtherDevices, Mix
from app.inference.speeds import Speeds
from app.inference.updates import Step, Update
from models.allowance import Allowance
from models.catalogue import Catalogue
from models.errors import BadInput, OutOfMemory
from models.steps import Steps

if TYPE_CHECKING:
    from models.latents.whitened import Whitened

R = TypeVar("R")
V = TypeVar("V")
M = TypeVar("M")
Job = Generator[Update, None, R]  # A request at work: yields updates, returns what Done carries.

BUDGET_SHARE = 0.4  # Of the device's memory, for weights; activations, pictures and other programs need the rest.


class Recent(Generic[V]):
    """The last few results of something that takes long and is asked for again."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of this key, made where it is not at hand."""
        if key not in self._values:
            self._values[key] = make()
            if len(self._values) > self._kept:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


@dataclass(eq=False)
class Workbench:
    """One for each engine; jobs share it, one piece of work at a time.

    `budget` is how many bytes opened models may hold together (None: a share of the device's memory). `looks` holds style
    vectors of photos: a stroke must not encode the same photo again. `spaces` holds what is known of models' latents.
    """

    catalogue: Catalogue
    models: OpenedModels
    device: str
    budget: int | None = None
    further: FurtherDevices = field(default_factory=FurtherDevices)
    speeds: Speeds = field(default_factory=Speeds)
    looks: Recent[NDArray[np.float32] | None] = field(default_factory=lambda: Recent(16))
    spaces: Recent[Whitened] = field(default_factory=lambda: Recent(4))

    def opened(self, name: str | Mix, kind: type[M], does: str, panel: str) -> M:
        """The opened model of that name. `BadInput` where it is of another kind, which does not do what `does` says."""
        model = self.models.get(name)
        if not isinstance(model, kind):
            raise BadInput(f"{model.card.title} does not {does}.", hint=f"Choose a model of {panel}.")
        return model

    def allow(self, allowance: Allowance) -> None:
        """Use so much of the memory of graphics cards from now on."""
        from models import device

        if device.has_own_memory(self.device):
            device.allow(self.device, allowance)
            self.share_memory()
        self.further = replace(self.further, memory=allowance)

    def share_memory(self) -> None:
        """Let opened models hold their share of the memory that there is."""
        from models import device

        share = int(BUDGET_SHARE * device.memory(self.device).total)
        self.models.budget = share if self.budget is None else self.budget

    def with_room(self, name: str, make: Callable[[], Job[R]]) -> Job[R]:
        """Run a job of this model; where memory runs out, drop all other models and run it once more."""
        try:
            return (yield from make())
        except OutOfMemory:
            if not self.models.forget_all(but=name):
                raise
        return (yield from make())


def timed(steps: Steps[R]) -> Job[tuple[R, float]]:
    """Run the steps, yielding a `Step` between two; the result and the milliseconds that the steps alone took."""
    spent = 0.0
    try:
        while True:
            began = time.perf_counter()
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value, 1000 * (spent + time.perf_counter() - began)
            spent += time.perf_counter() - began
            yield Step()
    finally:
        steps.close()
