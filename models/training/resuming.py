"""How runs go to disk and back, and begin from others: networks, optimisers, random numbers; and weights that follow others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import BadInput
from models.training.loop import STATE
from models.training.state import State, load_state

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")


class ResumableRun(ABC):
    """A run that `state` and `restore` take to disk and back; recipes add what else changes in them."""

    options: DataclassInstance
    device: torch.device
    bfloat16: bool
    seen: int
    until: int = 0  # what it will have seen at its end; 0: not known, so rates stay
    random: np.random.Generator

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """All networks that change, by the names that they have in a state."""

    @abstractmethod
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """All optimisers, by the names that they have in a state."""

    def state(self) -> State:
        """All that resuming needs, as `models.training.state` stores it."""
        return {
            "options": asdict(self.options),
            "networks": {name: dict(network.state_dict()) for name, network in self.networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers().items()},
            "seen": self.seen,
            "random": random_state(self.random, self.device),
        }

    def restore(self, state: State) -> None:
        """Go on exactly where `state` was taken; `BadInput` where its networks are built otherwise than these."""
        for name, network in self.networks().items():
            known = state["networks"].get(name, {})
            differing = other_shape(network, known)
            if differing:
                what = f"The state is that of a run with other networks: its {name} has another shape at {differing}."
                raise BadInput(what, hint="Name a run of this recipe, or an empty folder.")
            network.load_state_dict(known)
        for name, optimiser in self.optimisers().items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.seen = int(state["seen"])
        restore_random(self.random, state["random"], self.device)

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 where the run computes in it."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()


def begun_state(out: Path) -> State | None:
    """The state that a run left in its folder, None where there is none yet. `BadInput` where it cannot be read."""
    return load_state(out / STATE) if (out / STATE).exists() else None


def state_of(place: Path) -> State:
    """The state of another run, by its folder or by the file. `BadInput` where it is none."""
    return load_state(place / STATE if place.is_dir() else place)


def options_of(kind: type[Options], state: State, place: Path, before: Mapping[str, Any] | None = None) -> Options:
    """The options that the run in `place` was begun with, `BadInput` where another recipe began it.

    `before` are values of options that runs which were begun before these were known go on with: what they did.
    """
    stored = {**(before or {}), **state["options"]}
    if not stored.keys() <= {field.name for field in fields(kind)}:
        raise BadInput(f"The run in {place} was begun by another recipe.", hint="Name a run of this recipe, or an empty folder.")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})


def state_alike(kind: type[Options], place: Path) -> State:
    """The state of another run of the same recipe, by its folder or by the file; `BadInput` where it is none."""
    state = state_of(place)
    options_of(kind, state, place)
    return state


def telling_licences(state: State, open_only: bool) -> State:
    """The state of a labelled run with what it learns from: one that was begun before that was kept is taken at one's word."""
    return {**state, "options": {"open_only": open_only, **state["options"]}}


def begun_alike(begun: DataclassInstance, asked: DataclassInstance, names: Sequence[str], place: Path) -> None:
    """`BadInput` where the run in `place` was begun with another of these options than is asked for now: it cannot become what
    it is not, and to go on without a word with what it is would be to do something else than was asked for."""
    for name in names:
        was, wanted = (getattr(options, name) for options in (begun, asked))
        if was != wanted:
            hint = "Give the command as it was, or name an empty folder."
            raise BadInput(f"The run in {place} was begun {_word(name, was)}, not {_word(name, wanted)}.", hint=hint)


def _word(name: str, value: object) -> str:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return f"{'with' if value else 'without'} --{option}"
    if value == "":
        return f"without --{option}"
    said = " ".join(map(str, value)) if isinstance(value, tuple) else value
    return f"with --{option} {said}"


def same_labels(known: int, now: int) -> None:
    """`BadInput` where a run was begun with another number of labels than the data has."""
    if known != now:
        raise BadInput(f"The run was begun with {known} labels, the data has {now}.", "", "Start in an empty folder.")


def random_state(random: np.random.Generator, device: torch.device) -> State:
    """Where the random numbers of a run and those of torch stand, also those that a card draws by itself."""
    state: State = {"numpy": random.bit_generator.state, "torch": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random(random: np.random.Generator, state: State, device: torch.device) -> None:
    """Go on with the random numbers that came next when `random_state` was asked; a device of another kind begins its own."""
    random.bit_generator.state = state["numpy"]
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def take_over(network: nn.Module, known: Mapping[str, Tensor], least: str = "") -> None:
    """Load the tensors that the network has too, in the same shape; the others stay as they are. `BadInput` where there are none
    and `least`, the network's name, says that it matters."""
    own = network.state_dict()
    fitting = {k: v for k, v in known.items() if k in own and own[k].shape == v.shape}
    if least and not fitting:
        raise BadInput("Nothing can be taken over from that run.", f"Its {least} has no part in common with this one's.")
    network.load_state_dict({**own, **fitting})


def other_shape(network: nn.Module, known: Mapping[str, Tensor]) -> str:
    """The first tensor that `known` has in another shape than the network, or that one of them lacks; "" where they are alike."""
    own = network.state_dict()
    found = (key for key in {**own, **known} if key not in own or key not in known or own[key].shape != known[key].shape)
    return next(found, "")


def follow(averaged: nn.Module, trained: nn.Module, most: float, seen: int, slow: int) -> None:
    """Move averaged weights towards the trained ones: `most` of them is kept, less until some `slow` pictures were seen."""
    keep = min(most, (1 + seen) / (slow + seen))
    with torch.no_grad():
        for one, other in zip(averaged.parameters(), trained.parameters(), strict=True):
            one.lerp_(other, 1 - keep)


def risen(seen: int, alone: int) -> float:
    """What a generator's rate has risen to, 0..1, after `seen` pictures: nought while its critics learn `alone`, then, over as
    many pictures more, to the whole."""
    return min(1.0, max(0.0, seen / alone - 1)) if alone else 1.0


def lean_to(network: nn.Module, other: Mapping[str, Tensor], share: float, name: str) -> None:
    """Move the weights of a network `share` (0..1) of the way to those of another moment or run with the same beginning (arXiv
    1803.05407). `BadInput`, with the network's `name`, where the other has another shape."""
    differing = other_shape(network, other)
    if differing:
        raise BadInput("The mean with another run cannot be taken.", f"Its {name} has another shape at {differing}.")
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if tensor.dtype.is_floating_point:
                tensor.lerp_(other[key].to(tensor), share)


def placed(module: Any, device: torch.device) -> Any:
    """The module on the device, in the memory format that convolutions are quick in."""
    return module.to(device=device, memory_format=torch.channels_last)
