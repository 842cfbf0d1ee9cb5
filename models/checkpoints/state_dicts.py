"""State dicts: found in what a file holds, and held against the network they should fill."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.inert import Record, fields_of, module_tensors
from models.checkpoints.tensors import check_bytes
from models.errors import CheckpointError

Tensors = dict[str, torch.Tensor]

# Where training programs put the generator's weights, the ones to prefer first.
NESTS = ("params_ema", "g_ema", "ema", "params", "state_dict", "model_state_dict", "generator", "netG", "net_g", "model", "net")
WRAPPERS = ("module.", "_orig_mod.", "generator.", "netG.", "net_g.", "model_g.")  # what they write before every name


def state_dict(contents: Contents) -> Tensors:
    """Tensors by name, without what a wrapper wrote before them; empty where the file holds none.

    They stand at the top or under one of `NESTS`, as a dict or as a pickled module. `CheckpointError` where they are larger
    than the file.
    """
    found = _unwrapped(_nested(contents.tree, 0))
    check_bytes(found, "file")
    return found


def _nested(tree: Any, depth: int) -> Tensors:
    if isinstance(tree, Record) and "_modules" in tree.fields():
        return module_tensors(tree)
    fields = fields_of(tree)
    found = {name: value for name, value in fields.items() if isinstance(value, torch.Tensor)}
    if len(found) > 1 or depth > 2:
        return found
    for nest in NESTS:
        if nest in fields and (inner := _nested(fields[nest], depth + 1)):
            return inner
    return found


def _unwrapped(found: Tensors) -> Tensors:
    for _ in range(3):
        wrapper = next((w for w in WRAPPERS if found and all(name.startswith(w) for name in found)), None)
        if wrapper is None:
            break
        found = {name.removeprefix(wrapper): value for name, value in found.items()}
    return found


def renamed(found: Tensors, rules: tuple[tuple[str, str], ...]) -> Tensors:
    """The tensors whose names match a rule (a pattern for the whole name, and what it becomes); the others are left out."""
    result: Tensors = {}
    for name, tensor in found.items():
        for pattern, replacement in rules:
            match = re.fullmatch(pattern, name)
            if match is not None:
                result[match.expand(replacement)] = tensor
                break
    return result


def run_of(names: Mapping[str, Any], pattern: str) -> int:
    """How many numbers 0, 1, 2 ... stand where `pattern` has its group; a gap ends the run, so a name cannot claim a billion."""
    numbers = {int(match[1]) for name in names if (match := re.match(pattern, name)) and len(match[1]) < 7}
    count = 0
    while count in numbers:
        count += 1
    return count


def fitted(build: Callable[[], nn.Module], tensors: Mapping[str, torch.Tensor], what: str) -> Tensors:
    """The tensors that the network asks for, in its order, after all shapes have been held against it.

    `build` makes the network; it is made without memory. `CheckpointError` names the first tensor that is missing, left
    over, of another shape, or not made of finite numbers; or says that they are larger than the file.
    """
    check_bytes(tensors, what)
    with torch.device("meta"):
        wanted = build().state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise CheckpointError(f"This {what} is incomplete.", f"Its file holds no {name}.")
        if tensors[name].shape != tensor.shape:
            raise CheckpointError(
                f"This {what} does not fit together.",
                f"{name} should be {_shape(tensor)}, but is {_shape(tensors[name])}.",
            )
        if not tensors[name].is_floating_point():
            raise CheckpointError(f"This {what} cannot be used.", f"{name} holds no real numbers ({tensors[name].dtype}).")
    surplus = next((name for name in tensors if name not in wanted), None)
    if surplus is not None:
        raise CheckpointError(f"This {what} is of a kind that Ganvas does not know.", f"It also holds {surplus[:80]}.")
    for name, tensor in tensors.items():
        # One undefined or infinite number makes the sum so; a sum that overflows by itself comes from no weights either.
        if not math.isfinite(float(tensor.sum(dtype=torch.float32))):
            raise CheckpointError(f"This {what} is damaged.", f"{name} holds numbers that are infinite or undefined.")
    return {name: tensors[name] for name in wanted}


def agreed(card: Card, config: Any) -> None:
    """`CheckpointError` where a card says something else of its network than the tensors do (`config`, a dataclass of its shape).

    A card is a text that anybody can write. What is built follows from the tensors, which are bounded by their bytes.
    """
    for key, value in asdict(config).items():
        told = card.config.get(key)
        if (list(told) if isinstance(told, (list, tuple)) else told) != (list(value) if isinstance(value, tuple) else value):
            raise CheckpointError(f"The card of {card.name} does not fit its weights.", f"They differ in {key}.")


def stem(contents: Contents) -> str:
    """The file's name without its ending."""
    return posixpath.splitext(contents.name)[0]


def _shape(tensor: torch.Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"
