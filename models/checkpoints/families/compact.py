"""The compact upscalers of Real-ESRGAN (SRVGGNetCompact): `body.0` ... `body.N`, convolutions and PReLUs in turn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import agreed, fitted, run_of, state_dict
from models.checkpoints.upscaler_cards import upscaler_card
from models.errors import CheckpointError
from models.networks import kernel
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.precision import Runtime
from models.upscaling import UpscalingModel

_FARTHEST = 32  # pixels beyond a picture's sides
WHAT = "compact upscaler (SRVGGNetCompact)"


class CompactFamily:
    """Upscalers that are quick on any machine."""

    name = "compact"
    title = "Real-ESRGAN compact"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        first, slope = found.get("body.0.weight"), found.get("body.1.weight")
        return first is not None and first.ndim == 4 and slope is not None and slope.ndim == 1 and "body.2.weight" in found

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; width, depth and scale follow from the tensors."""
        tensors = state_dict(contents)
        config = configuration(tensors)
        return card_of(contents, config), fitted(lambda: Compact(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> UpscalingModel:
        config = configuration(tensors, card.config.get("resized", 0))
        agreed(card, config)
        around = surroundings(card)
        checked = fitted(lambda: Compact(config), tensors, WHAT)
        return UpscalingModel(card, lambda where: FastCompact(config, checked, where, around), runtime)


FAMILY = CompactFamily()


def card_of(contents: Contents, config: CompactConfig) -> Card:
    """The card of a file with this network, as far as the file tells."""
    told = f"{WHAT}, x{config.scale}, {config.inner} inner layers of {config.features} features."
    return upscaler_card(contents, FAMILY.name, asdict(config), config.scale, told)


def surroundings(card: Card) -> int:
    """How many pixels a network is shown beyond a picture's sides, as its card says: some, where it draws a checker at zeros."""
    around = card.config.get("around", 0)
    if type(around) is not int or not 0 <= around <= _FARTHEST or around % kernel.TILE or (around and card.config.get("resized")):
        what = f"The card of {card.name} asks for impossible surroundings."
        raise CheckpointError(
            what, f"They are {str(around)[:20]} pixels, and a multiple of {kernel.TILE} up to {_FARTHEST} can be."
        )
    return around


def configuration(tensors: Mapping[str, torch.Tensor], resized: int = 0) -> CompactConfig:
    """The network's shape, read off tensors under our names; `CheckpointError` where it is none that can be."""
    layers = run_of(tensors, r"body\.(\d+)\.weight")
    if layers < 3 or layers % 2 == 0 or tensors[f"body.{layers - 1}.weight"].ndim != 4 or tensors["body.0.weight"].ndim != 4:
        raise CheckpointError(f"This {WHAT} is incomplete.", f"It has {layers} layers, which do not end with a convolution.")
    first, last = tensors["body.0.weight"], tensors[f"body.{layers - 1}.weight"]
    features, channels = first.shape[:2]
    shuffle = math.isqrt(last.shape[0] // channels) if channels else 0
    if channels not in (1, 3) or not 1 <= shuffle <= 8 or channels * shuffle**2 != last.shape[0]:
        raise CheckpointError(
            f"This {WHAT} makes pictures of a kind that Ganvas does not know.",
            f"{channels} channels go in, and {last.shape[0]} come out of its last layer.",
        )
    if type(resized) is not int or not 0 <= resized <= shuffle:
        raise CheckpointError(
            f"This {WHAT} would make pictures of an impossible size.", f"It resizes them to {str(resized)[:20]}."
        )
    return CompactConfig(channels, features, (layers - 3) // 2, shuffle, resized)
