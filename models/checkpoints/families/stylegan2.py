"""StyleGAN2 and StyleGAN2-ADA as NVIDIA's PyTorch code writes them: pickles of StyleGAN2-ADA and StyleGAN3, and state dicts."""

from __future__ import annotations

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
from models.networks.stylegan2 import FILTER_TAPS, MOST_LEVELS, SMALLEST, Shape, StyleGAN2, shape_of
from models.networks.stylegan2_fast import FastStyleGAN2
from models.precision import Runtime

WHAT = "StyleGAN2"
Tensors = dict[str, torch.Tensor]


class StyleGAN2Family:
    """The generator of faces, cats, cars and whatever else people have taught it."""

    name = "stylegan2-ada"
    title = "StyleGAN2"

    def recognises(self, contents: Contents) -> bool:
        """A generator whose synthesis network has blocks by resolution."""
        found = generator_of(contents)
        return found is not None and "synthesis.b4.conv1.weight" in found.tensors

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, Tensors]:
        """Card and tensors. `CheckpointError` where something in it is of another kind than published networks."""
        found = generator_of(contents)
        assert found is not None
        tensors = mapping_tensors(found) | _synthesis(found)
        return make(contents, tensors, _clamp(found), self.name)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        return assemble(card, tensors, runtime)


FAMILY = StyleGAN2Family()


def make(contents: Contents, tensors: Tensors, clamp: float, family: str) -> tuple[Card, Tensors]:
    """Card and checked tensors of a StyleGAN2 under our names. Where the file holds no average latent it is measured."""
    shape = shape_of(tensors, clamp)
    check_colours(shape.colours, WHAT)
    if "average" not in tensors:
        whole = fitted(lambda: StyleGAN2(shape), {**tensors, "average": torch.zeros(shape.w_dim)}, WHAT)
        mapping = _network(shape, whole).mapping
        tensors = {**tensors, "average": average_of(mapping, shape.z_dim)}
    return latent_card(contents, family, shape, WHAT), fitted(lambda: StyleGAN2(shape), tensors, WHAT)


def assemble(card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
    """The working model. The shape follows from the tensors; of the card only the limit of activations is taken."""
    clamp = card.config.get("clamp", 0.0)
    if isinstance(clamp, bool) or not isinstance(clamp, int | float) or not 0 <= clamp < 1e9:
        raise CheckpointError(f"The card of {card.name} does not fit its weights.", "Its limit of activations is no number.")
    shape = shape_of(tensors, float(clamp))
    checked = fitted(lambda: StyleGAN2(shape), tensors, WHAT)
    return LatentModel(card, partial(FastStyleGAN2, _network(shape, checked)), runtime)


def _network(shape: Shape, tensors: Mapping[str, torch.Tensor]) -> StyleGAN2:
    with torch.device("meta"):
        network = StyleGAN2(shape)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _synthesis(found: Spoken) -> Tensors:
    """The synthesis network under our names, gains folded in."""
    t = found.tensors
    result: Tensors = {"start": found.part("synthesis.b4.const").unsqueeze(0)}
    kernel = t.get("synthesis.b4.resample_filter", t.get("synthesis.b8.conv0.resample_filter"))
    if kernel is None or kernel.shape != (FILTER_TAPS, FILTER_TAPS):
        raise CheckpointError(f"This {WHAT} resamples with another filter than published networks.", "It is not 4 x 4.")
    result["kernel"] = kernel / kernel.sum()
    level, side = 0, SMALLEST
    while f"synthesis.b{side}.conv1.weight" in t and level < MOST_LEVELS:
        block = f"synthesis.b{side}."
        if level:
            result |= _layer(found, block + "conv0.", f"layers.{2 * level - 1}.", side)
        result |= _layer(found, block + "conv1.", f"layers.{2 * level}.", side)
        if block + "torgb.weight" in t:
            weight = found.part(block + "torgb.weight")
            result[f"pictures.{level}.weight"] = weight / weight[0].numel() ** 0.5
            result[f"pictures.{level}.bias"] = found.part(block + "torgb.bias")
            result |= linear(found, block + "torgb.affine", f"pictures.{level}.style")
        if block + "skip.weight" in t:
            weight = found.part(block + "skip.weight")
            result[f"skips.{level - 1}.weight"] = weight / weight[0].numel() ** 0.5
        level, side = level + 1, side * 2
    return result


def _layer(found: Spoken, theirs: str, ours: str, side: int) -> Tensors:
    """A 3x3 layer; one that was trained without noise gets noise of no strength."""
    result = {ours + "weight": found.part(theirs + "weight"), ours + "bias": found.part(theirs + "bias")}
    result[ours + "noise"] = found.tensors.get(theirs + "noise_const", torch.zeros(side, side))
    result[ours + "strength"] = found.tensors.get(theirs + "noise_strength", torch.zeros(())).reshape(())
    return result | linear(found, theirs + "affine", ours + "style")


def _clamp(found: Spoken) -> float:
    """The limit of activations, which stands beside the tensors; 0 where there is none or nothing but tensors is known."""
    value: Any = found.attribute("synthesis.b4.conv1", "conv_clamp")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
