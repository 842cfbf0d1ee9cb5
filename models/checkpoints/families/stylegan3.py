"""StyleGAN3 as NVIDIA's PyTorch code writes it: pickles, and state dicts with the published settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from models.card import Card
from models.checkpoints.families.nvidia import Spoken, generator_of, linear, mapping_tensors
from models.checkpoints.family import Contents
from models.checkpoints.latent_cards import check_colours, latent_card
from models.checkpoints.state_dicts import fitted
from models.errors import CheckpointError
from models.latent import LatentModel, average_of
from models.networks.stylegan3 import MOST_LAYERS, Shape, StyleGAN3, shape_of
from models.networks.stylegan3_fast import FastStyleGAN3
from models.precision import Runtime

WHAT = "StyleGAN3"
Tensors = dict[str, torch.Tensor]

# Published settings, for files that hold nothing but tensors.
MARGIN, FILTER_SIZE, BANDWIDTH, SCALE, CLAMP = 10, 6, 2.0, 0.25, 256.0


class StyleGAN3Family:
    """The generator whose details do not stick to the screen."""

    name = "stylegan3"
    title = "StyleGAN3"

    def recognises(self, contents: Contents) -> bool:
        """A generator whose synthesis network begins with waves."""
        found = generator_of(contents)
        return found is not None and "synthesis.input.freqs" in found.tensors

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, Tensors]:
        """Card and tensors. `CheckpointError` where something in it is of another kind than published networks."""
        found = generator_of(contents)
        assert found is not None
        names = _layer_names(found)
        tensors = mapping_tensors(found) | _input(found)
        for number, name in enumerate(names):
            tensors |= _layer(found, f"synthesis.{name}", f"layers.{number}")
        config = _config(found, names)
        shape = shape_of(tensors, config)
        colours = tensors[f"layers.{len(names) - 1}.weight"].shape[0]
        check_colours(colours, WHAT)
        if "average" not in tensors:
            whole = _checked(shape, {**tensors, "average": torch.zeros(shape.w_dim)})
            tensors["average"] = average_of(_network(shape, whole).mapping, shape.z_dim)
        return latent_card(contents, self.name, shape, WHAT), _checked(shape, tensors)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        shape = shape_of(tensors, card.config)
        return LatentModel(card, partial(FastStyleGAN3, _network(shape, _checked(shape, tensors))), runtime)


FAMILY = StyleGAN3Family()


def _checked(shape: Shape, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    sizes = {name: tensor.shape for name, tensor in tensors.items()}
    return fitted(lambda: StyleGAN3(shape, sizes), tensors, WHAT)


def _network(shape: Shape, tensors: Mapping[str, torch.Tensor]) -> StyleGAN3:
    with torch.device("meta"):
        network = StyleGAN3(shape, {name: tensor.shape for name, tensor in tensors.items()})
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _layer_names(found: Spoken) -> list[str]:
    """Names of the layers, `L<number>_<size>_<channels>`, in order."""
    matches = (re.fullmatch(r"synthesis\.(L(\d{1,2})_\d{1,4}_\d{1,5})\.weight", name) for name in found.tensors)
    names = {int(match[2]): match[1] for match in matches if match}
    if not 1 <= len(names) <= MOST_LAYERS or sorted(names) != list(range(len(names))):
        raise CheckpointError(f"This {WHAT} is incomplete.", "Its layers do not follow on one another.")
    return [names[number] for number in sorted(names)]


def _input(found: Spoken) -> Tensors:
    weight = found.part("synthesis.input.weight")
    return {
        "input.weight": weight / weight.shape[0] ** 0.5,
        "input.frequencies": found.part("synthesis.input.freqs"),
        "input.phases": found.part("synthesis.input.phases"),
        "input.transform": found.tensors.get("synthesis.input.transform", torch.eye(3)),
        **linear(found, "synthesis.input.affine", "input.affine"),
    }


def _layer(found: Spoken, theirs: str, ours: str) -> Tensors:
    result = {f"{ours}.{part}": found.part(f"{theirs}.{part}") for part in ("weight", "bias")}
    result[f"{ours}.magnitude"] = found.tensors.get(f"{theirs}.magnitude_ema", torch.ones(())).reshape(())
    for part in ("up_filter", "down_filter"):
        if f"{theirs}.{part}" in found.tensors:
            result[f"{ours}.{part}"] = found.tensors[f"{theirs}.{part}"]
    return result | linear(found, f"{theirs}.affine", f"{ours}.style")


def _config(found: Spoken, names: list[str]) -> dict[str, Any]:
    """What the tensors do not tell: from the attributes beside them, else the published settings."""
    sizes = [int(name.split("_")[1]) for name in names]
    size = found.attribute("synthesis.input", "size")
    first = int(size.flat[0]) if getattr(size, "size", 0) == 2 else sizes[0]
    clamp = found.attribute(f"synthesis.{names[0]}", "conv_clamp") if found.module is not None else CLAMP
    return {
        "input_size": first,
        "sampling_rate": found.gain("synthesis.input", "sampling_rate", float(first - 2 * MARGIN)),
        "bandwidth": found.gain("synthesis.input", "bandwidth", BANDWIDTH),
        "scale": found.gain("synthesis", "output_scale", SCALE),
        "clamp": 0.0 if clamp is None else float(clamp),
        "layers": [
            [size, _factor(found, name, "up"), _factor(found, name, "down")] for name, size in zip(names, sizes, strict=True)
        ],
    }


def _factor(found: Spoken, name: str, way: str) -> int:
    taps = found.tensors.get(f"synthesis.{name}.{way}_filter")
    told = found.attribute(f"synthesis.{name}", f"{way}_factor")
    if isinstance(told, int) and not isinstance(told, bool):
        return told
    return 1 if taps is None else max(1, taps.shape[0] // FILTER_SIZE)
