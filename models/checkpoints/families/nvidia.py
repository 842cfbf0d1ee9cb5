"""What NVIDIA's PyTorch generators (StyleGAN2-ADA, StyleGAN3) have in common: where they lie in a file, and their gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.checkpoints.family import Contents
from models.checkpoints.inert import Record, class_of, fields_of, module_tensors, state_of
from models.checkpoints.state_dicts import run_of, state_dict
from models.errors import CheckpointError

Tensors = dict[str, torch.Tensor]

# The moving average first: it is what every script of theirs draws its pictures from.
PLACES = ("G_ema", "Gs", "G")
MAPPING_LR = 0.01  # learning-rate multiplier of the mapping network where only tensors are known


@dataclass(frozen=True, eq=False)
class Spoken:
    """A generator as the file spells it: tensors by name, and the record of the module they came from (None: only tensors)."""

    tensors: Tensors
    module: Any = None

    def part(self, name: str) -> torch.Tensor:
        """A tensor that must be there. `CheckpointError` where it is not."""
        if name not in self.tensors:
            raise CheckpointError("This generator is incomplete.", f"Its file holds no {name}.")
        return self.tensors[name]

    def attribute(self, path: str, name: str) -> Any:
        """An attribute of the module at a dotted path; None where the file does not tell it."""
        current = self.module
        for step in path.split(".") if path else ():
            current = fields_of(state_of(current).get("_modules")).get(step)
        value = state_of(current).get(name)
        return value.item() if isinstance(value, np.generic) else value

    def gain(self, path: str, name: str, default: float) -> float:
        """A factor among the attributes of the module at a path."""
        value = self.attribute(path, name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def generator_of(contents: Contents) -> Spoken | None:
    """The generator in a pickle of theirs, its moving average where there is one, or in a state dict; else None."""
    fields = fields_of(contents.tree)
    for place in PLACES:
        module = fields.get(place)
        if isinstance(module, Record) and class_of(module) == "Generator":
            return Spoken(module_tensors(module), module)
    if isinstance(contents.tree, Record) and class_of(contents.tree) == "Generator":
        return Spoken(module_tensors(contents.tree), contents.tree)
    for place in PLACES:
        inner = {name: value for name, value in fields_of(fields.get(place)).items() if isinstance(value, torch.Tensor)}
        if any(name.startswith("synthesis.") for name in inner):
            return Spoken(inner)
    found = state_dict(contents)
    return Spoken(found) if any(name.startswith("synthesis.") for name in found) else None


def linear(found: Spoken, theirs: str, ours: str, lr: float = 1.0) -> Tensors:
    """A fully connected layer with its gains folded in: one over the root of its inputs, and the learning-rate multiplier."""
    weight = found.part(theirs + ".weight")
    result = {ours + ".weight": weight * found.gain(theirs, "weight_gain", lr / weight.shape[-1] ** 0.5)}
    if theirs + ".bias" in found.tensors:
        result[ours + ".bias"] = found.part(theirs + ".bias") * found.gain(theirs, "bias_gain", lr)
    return result


def mapping_tensors(found: Spoken) -> Tensors:
    """The mapping network and the average latent under our names."""
    result: Tensors = {}
    for number in range(run_of(found.tensors, r"mapping\.fc(\d+)\.weight")):
        result |= linear(found, f"mapping.fc{number}", f"mapping.layers.{number}", MAPPING_LR)
    if "mapping.embed.weight" in found.tensors:
        result |= linear(found, "mapping.embed", "mapping.embed")
    if "mapping.w_avg" in found.tensors:
        result["average"] = found.tensors["mapping.w_avg"]
    return result
