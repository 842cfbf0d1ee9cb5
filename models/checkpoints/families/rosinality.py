"""StyleGAN2 as rosinality/stylegan2-pytorch writes it: what its converter makes of TensorFlow pickles, and its own training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from models.card import Card
from models.checkpoints.families.stylegan2 import assemble, make
from models.checkpoints.family import Contents
from models.checkpoints.inert import fields_of
from models.checkpoints.state_dicts import renamed, run_of, state_dict
from models.errors import CheckpointError
from models.latent import LatentModel
from models.networks.stylegan2 import MOST_LEVELS, SMALLEST
from models.precision import Runtime

Tensors = dict[str, torch.Tensor]
MAPPING_LR = 0.01  # `lr_mlp`, which nobody changes and the file does not hold


class RosinalityFamily:
    """The most used PyTorch port of StyleGAN2 from before NVIDIA's own."""

    name = "rosinality"
    title = "StyleGAN2 by rosinality"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return "conv1.conv.modulation.weight" in found and "to_rgb1.conv.weight" in found

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, Tensors]:
        """Card and tensors. Files of January 2020 hold no noise: it is drawn once, from fixed seeds, and kept."""
        found = state_dict(contents)
        tensors = _mapping(found) | _synthesis(found)
        average = fields_of(contents.tree).get("latent_avg")
        if isinstance(average, torch.Tensor):
            tensors["average"] = average.reshape(-1)
        return make(contents, tensors, 0.0, self.name)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        return assemble(card, tensors, runtime)


FAMILY = RosinalityFamily()


def _mapping(found: Tensors) -> Tensors:
    """Linear layers, numbered from 1: number 0 brings z to unit mean square."""
    result: Tensors = {}
    # Number 0 has no weights, so the run is counted with one put before it.
    for number in range(run_of({"style.0.weight": None, **found}, r"style\.(\d+)\.weight") - 1):
        weight = found[f"style.{number + 1}.weight"]
        result[f"mapping.layers.{number}.weight"] = weight * (MAPPING_LR / weight.shape[1] ** 0.5)
        result[f"mapping.layers.{number}.bias"] = _part(found, f"style.{number + 1}.bias") * MAPPING_LR
    return result


def _synthesis(found: Tensors) -> Tensors:
    kernel = _part(found, "convs.0.conv.blur.kernel")
    if kernel.shape != (4, 4):
        raise CheckpointError("This StyleGAN2 resamples with another filter than published networks.", "It is not 4 x 4.")
    start = _part(found, "input.input")
    result: Tensors = {"start": start[:1], "kernel": kernel / kernel.sum()}
    convs = run_of(found, r"convs\.(\d+)\.conv\.weight")
    if convs >= 2 * MOST_LEVELS:
        raise CheckpointError("This StyleGAN2 is larger than any that was published.", f"It has {convs + 1} layers.")
    for number in range(convs + 1):
        theirs = f"convs.{number - 1}" if number else "conv1"
        side = SMALLEST << ((number + 1) // 2)
        result |= {
            f"layers.{number}.weight": _part(found, f"{theirs}.conv.weight").squeeze(0),
            f"layers.{number}.bias": _part(found, f"{theirs}.activate.bias"),
            f"layers.{number}.strength": _part(found, f"{theirs}.noise.weight").reshape(()),
            f"layers.{number}.noise": _noise(found, number, side),
            **_style(found, f"{theirs}.conv", f"layers.{number}"),
        }
    for level in range(convs // 2 + 1):
        theirs = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        weight = _part(found, f"{theirs}.conv.weight").squeeze(0)
        result |= {
            f"pictures.{level}.weight": weight / weight.shape[1] ** 0.5,
            f"pictures.{level}.bias": _part(found, f"{theirs}.bias").reshape(-1),
            **_style(found, f"{theirs}.conv", f"pictures.{level}"),
        }
    return result


def _noise(found: Tensors, number: int, side: int) -> torch.Tensor:
    held = found.get(f"noises.noise_{number}")
    if held is not None:
        return held.reshape(held.shape[-2:])
    return torch.from_numpy(np.random.RandomState(number).standard_normal((side, side)).astype(np.float32))


def _style(found: Tensors, theirs: str, ours: str) -> Tensors:
    named = renamed(found, ((rf"{theirs}\.modulation\.(weight|bias)", rf"{ours}.style.\1"),))
    weight = named.get(f"{ours}.style.weight")
    return named if weight is None else {**named, f"{ours}.style.weight": weight / weight.shape[-1] ** 0.5}


def _part(found: Tensors, name: str) -> torch.Tensor:
    if name not in found:
        raise CheckpointError("This StyleGAN2 is incomplete.", f"Its file holds no {name}.")
    return found[name]
