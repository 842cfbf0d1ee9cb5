"""StyleGAN2 and StyleGAN2-ADA as NVIDIA's TensorFlow code writes them: a pickled tuple (G, D, Gs) of networks by variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from models.card import Card
from models.checkpoints.families.stylegan2 import assemble, make
from models.checkpoints.family import Contents
from models.checkpoints.inert import Record, fields_of
from models.checkpoints.state_dicts import run_of
from models.errors import CheckpointError
from models.latent import LatentModel
from models.networks.stylegan2 import MOST_LEVELS, SMALLEST
from models.precision import Runtime

WHAT = "TensorFlow generator"
Tensors = dict[str, torch.Tensor]
MAPPING_LR = 0.01  # mapping_lrmul where the file does not say otherwise
DEEPEST = 4  # networks within networks: Gs holds synthesis and mapping, and nothing holds more


class StyleGAN2TFFamily:
    """What NVIDIA published before it moved to PyTorch, and what was trained with that code."""

    name = "stylegan2-tf"
    title = "StyleGAN2 for TensorFlow"

    def recognises(self, contents: Contents) -> bool:
        """A network of dnnlib, of whichever generation; `convert` refuses those that are not StyleGAN2."""
        return _generator(contents.tree) is not None

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, Tensors]:
        """Card and tensors. `CheckpointError` names what it is instead, where it is no StyleGAN2."""
        network = _generator(contents.tree)
        variables, options = dict(_variables(network)), fields_of(fields_of(network).get("static_kwargs"))
        _check_generation(variables)
        clamp = options.get("conv_clamp")
        tensors = _mapping(variables, options) | _synthesis(variables, options)
        limit = float(clamp) if isinstance(clamp, int | float) and clamp > 0 else 0.0
        return make(contents, tensors, limit, self.name)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        return assemble(card, tensors, runtime)


FAMILY = StyleGAN2TFFamily()


def _is_network(thing: Any) -> bool:
    return isinstance(thing, Record) and thing.name == "Network" and thing.module.endswith("tflib.network")


def _generator(tree: Any) -> Any:
    """Gs of (G, D, Gs), the moving average; or the one network there is."""
    if _is_network(tree):
        return tree
    networks = [thing for thing in tree if _is_network(thing)] if isinstance(tree, (list, tuple)) else []
    return networks[-1] if networks else None


def _variables(network: Any, depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    """Variables of a network and of those within it, by the names they bear there."""
    fields = fields_of(network)
    for pair in fields.get("variables") or ():
        name, value = pair
        number = np.asarray(value)
        if number.dtype.kind == "f":
            yield str(name), torch.from_numpy(np.array(number, np.float32))
    for part in fields_of(fields.get("components")).values():
        if depth < DEEPEST:
            yield from _variables(part, depth + 1)


def _check_generation(variables: Tensors) -> None:
    if any("StyleMod" in name or "/AdaIN" in name for name in variables):
        raise CheckpointError("This is a network of the first StyleGAN.", "Ganvas opens StyleGAN2 and newer ones.")
    if "4x4/Conv/mod_weight" not in variables:
        raise CheckpointError(
            "This is a network of NVIDIA's TensorFlow code, but no StyleGAN2.",
            "It may be a Progressive GAN or a metric's network.",
        )
    if "LabelConcat/weight" in variables:
        raise CheckpointError(
            "This is a StyleGAN2 with classes from before StyleGAN2-ADA.", "How it takes its classes is not known to Ganvas."
        )


def _mapping(variables: Tensors, options: Mapping[str, Any]) -> Tensors:
    told = options.get("mapping_lrmul", MAPPING_LR)
    lr = float(told) if isinstance(told, int | float) else MAPPING_LR
    result: Tensors = {}
    for number in range(run_of(variables, r"Dense(\d+)/weight")):
        weight = variables[f"Dense{number}/weight"]
        result[f"mapping.layers.{number}.weight"] = weight.T * (lr / weight.shape[0] ** 0.5)
        result[f"mapping.layers.{number}.bias"] = _part(variables, f"Dense{number}/bias") * lr
    if "LabelEmbed/weight" in variables:
        weight = variables["LabelEmbed/weight"]
        result["mapping.embed.weight"] = weight.T / weight.shape[0] ** 0.5
        result["mapping.embed.bias"] = _part(variables, "LabelEmbed/bias")
    if "dlatent_avg" in variables:
        result["average"] = variables["dlatent_avg"]
    return result


def _synthesis(variables: Tensors, options: Mapping[str, Any]) -> Tensors:
    taps = np.asarray(options.get("resample_kernel") or (1, 3, 3, 1), np.float32)
    if taps.shape != (4,):
        raise CheckpointError("This StyleGAN2 resamples with another filter than published networks.", "It has not 4 taps.")
    kernel = torch.from_numpy(np.outer(taps, taps))
    result: Tensors = {"start": _part(variables, "4x4/Const/const"), "kernel": kernel / kernel.sum()}
    level, side = 0, SMALLEST
    while f"{side}x{side}/Conv{'1' if level else ''}/weight" in variables and level < MOST_LEVELS:
        place = f"{side}x{side}/"
        if level:
            # Their transposed convolution turns its kernel round, torch's does not.
            result |= _layer(variables, place + "Conv0_up", 2 * level - 1, turned=True)
        result |= _layer(variables, place + ("Conv1" if level else "Conv"), 2 * level, turned=False)
        if place + "ToRGB/weight" in variables:
            weight = _kernel(variables[place + "ToRGB/weight"])
            result[f"pictures.{level}.weight"] = weight / weight.shape[1] ** 0.5
            result[f"pictures.{level}.bias"] = _part(variables, place + "ToRGB/bias")
            result |= _style(variables, place + "ToRGB", f"pictures.{level}")
        if place + "Skip/weight" in variables:
            weight = _kernel(variables[place + "Skip/weight"])
            result[f"skips.{level - 1}.weight"] = weight / weight.shape[1] ** 0.5
        level, side = level + 1, side * 2
    return result


def _layer(variables: Tensors, theirs: str, number: int, turned: bool) -> Tensors:
    weight = _kernel(_part(variables, f"{theirs}/weight"))
    noise = _part(variables, f"noise{number}")
    return {
        f"layers.{number}.weight": weight.flip(2, 3) if turned else weight,
        f"layers.{number}.bias": _part(variables, f"{theirs}/bias"),
        f"layers.{number}.noise": noise.reshape(noise.shape[-2:]),
        f"layers.{number}.strength": _part(variables, f"{theirs}/noise_strength").reshape(()),
        **_style(variables, theirs, f"layers.{number}"),
    }


def _style(variables: Tensors, theirs: str, ours: str) -> Tensors:
    """A layer's style; theirs is a difference to one."""
    weight = _part(variables, f"{theirs}/mod_weight")
    return {
        f"{ours}.style.weight": weight.T / weight.shape[0] ** 0.5,
        f"{ours}.style.bias": _part(variables, f"{theirs}/mod_bias") + 1,
    }


def _kernel(weight: torch.Tensor) -> torch.Tensor:
    """`[h, w, in, out]` to `[out, in, h, w]`."""
    return weight.permute(3, 2, 0, 1)


def _part(variables: Tensors, name: str) -> torch.Tensor:
    if name not in variables:
        raise CheckpointError(f"This {WHAT} is incomplete.", f"Its file holds no {name}.")
    return variables[name]
