"""What the objects of a pickle become when nothing of them is run: names, and records of who would have been called with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from models.checkpoints.tensors import check_bytes
from models.errors import CheckpointError

DEEPEST = 64  # modules within modules; published networks nest less than ten deep
MOST_MODULES = 100_000  # and have some thousands of modules and tensors


@dataclass(frozen=True)
class Global:
    """A class or function that a pickle names. It is a name and stays one."""

    module: str
    name: str

    @property
    def label(self) -> str:
        """As Python writes it: "training.networks.Generator"."""
        return f"{self.module}.{self.name}"


ATOMS = (str, bytes, int, float, bool, complex, type(None), Global)


def hashes_quickly(value: Any) -> bool:
    """Whether a value's hash takes no time and cannot be made to collide often, as those of large integers can."""
    return isinstance(value, ATOMS) and not (isinstance(value, int) and not -(1 << 63) <= value < 1 << 63)


@dataclass(eq=False)
class Record:
    """An object that a pickle describes: `maker` would have been called with `args` and `kwargs`, then given `state`.

    `items` were to be appended to it and `pairs` to be set in it, as to a list or dict. None of that has happened.
    """

    maker: Global | Record
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def __repr__(self) -> str:  # a record may hold itself
        return f"<record of {self.label}>"

    @property
    def module(self) -> str:
        """Module of the class or function, "" where a record should have been called."""
        return self.maker.module if isinstance(self.maker, Global) else ""

    @property
    def name(self) -> str:
        """Name of the class or function, "" where a record should have been called."""
        return self.maker.name if isinstance(self.maker, Global) else ""

    @property
    def label(self) -> str:
        """Who would have been called, as Python writes it."""
        return self.maker.label if isinstance(self.maker, Global) else "something computed"

    def fields(self) -> dict[str, Any]:
        """Attributes and entries by name: the state's (a dict, or a dict and slots), then the pairs that have text keys."""
        found: dict[str, Any] = {}
        for part in self.state if isinstance(self.state, tuple) else (self.state,):
            if isinstance(part, Mapping):
                found.update((key, value) for key, value in part.items() if isinstance(key, str))
        found.update((key, value) for key, value in self.pairs if isinstance(key, str))
        return found


class Dictionary(dict[Any, Any]):
    """A dict of the file, with what was to be stored on the object itself (`_metadata` of a state dict)."""

    state: Any = None


def fields_of(thing: Any) -> dict[str, Any]:
    """Named parts of a dict or record; nothing for anything else."""
    if isinstance(thing, Record):
        return thing.fields()
    if isinstance(thing, Mapping):
        return {key: value for key, value in thing.items() if isinstance(key, str)}
    return {}


def module_tensors(module: Any, what: str = "network") -> dict[str, torch.Tensor]:
    """All parameters and buffers of a pickled torch module, named as its state dict would name them.

    Follows `_parameters`, `_buffers` and `_modules` of the records. `CheckpointError` where they nest without end, or where the
    tensors are larger than the file.
    """
    found: dict[str, torch.Tensor] = {}
    waiting: list[tuple[str, Any, int]] = [("", module, 0)]
    visited = 0
    while waiting:
        prefix, current, depth = waiting.pop()
        visited += 1
        if depth > DEEPEST or visited + len(waiting) > MOST_MODULES:  # the same module may stand in many places
            raise CheckpointError(f"The modules of this {what} nest without end.", "The file is damaged or malicious.")
        state = state_of(current)
        for kind in ("_parameters", "_buffers"):
            for name, value in fields_of(state.get(kind)).items():
                if isinstance(value, torch.Tensor):
                    found[prefix + name] = value
        for name, child in reversed(fields_of(state.get("_modules")).items()):
            waiting.append((f"{prefix}{name}.", child, depth + 1))
        if len(found) > MOST_MODULES:
            raise CheckpointError(f"This {what} has too many tensors.", "The file is damaged or malicious.")
    check_bytes(found, what)
    return found


def state_of(thing: Any) -> dict[str, Any]:
    """Attributes of a pickled object. NVIDIA's persistent objects keep them in the `state` of what they are made from."""
    fields = fields_of(thing)
    if isinstance(thing, Record) and thing.name == "_reconstruct_persistent_obj" and thing.args:
        return {**fields_of(fields_of(thing.args[0]).get("state")), **fields}
    return fields


def class_of(thing: Any) -> str:
    """Name of a pickled object's class without its module; the class within, for NVIDIA's persistent objects. "" for others."""
    if not isinstance(thing, Record):
        return ""
    if thing.name == "_reconstruct_persistent_obj" and thing.args:
        name = fields_of(thing.args[0]).get("class_name")
        return name if isinstance(name, str) else ""
    if thing.name == "_reconstructor" and thing.args and isinstance(thing.args[0], Global):
        return thing.args[0].name
    return thing.name
