"""Generators of pix2pix and CycleGAN (`latest_net_G.pth`): ResNets (`model.1` ...) and U-Nets (`model.model.0` ..., nested)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.options import told
from models.checkpoints.state_dicts import Tensors, agreed, fitted, run_of, state_dict, stem
from models.errors import CheckpointError
from models.networks.resnet_translator import FastResNetTranslator, ResNetConfig, ResNetTranslator
from models.networks.unet_translator import FastUNetTranslator, UNetConfig, UNetTranslator
from models.precision import Runtime
from models.translation import TranslationModel

WHAT = "pix2pix or CycleGAN generator"
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_DEEPEST = 12  # levels of a U-Net: pictures of 4096 px


class Pix2Pix:
    """Translators with whole convolutions."""

    name = "pix2pix-cyclegan"
    title = "pix2pix, CycleGAN"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return is_resnet(found) or "model.model.1.model.1.weight" in found

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; norms, widths and sizes follow from the tensors."""
        found = state_dict(contents)
        if is_resnet(found):
            tensors, shape = resnet(found, WHAT)
            return translator_card(contents, self.name, asdict(shape), WHAT), fitted(
                lambda: ResNetTranslator(shape), tensors, WHAT
            )
        tensors, config = _unet(found)
        card = translator_card(contents, self.name, asdict(config), f"{WHAT} (U-Net, {config.side} px)", config.side)
        return card, fitted(lambda: UNetTranslator(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> TranslationModel:
        if "widths" not in card.config:
            return assembled_resnet(card, tensors, runtime, WHAT)
        config = _unet_shape(tensors)
        agreed(card, config)
        checked = fitted(lambda: UNetTranslator(config), tensors, WHAT)
        return TranslationModel(card, lambda where: FastUNetTranslator(config, checked, where), runtime)


FAMILY = Pix2Pix()


def assembled_resnet(card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime, what: str) -> TranslationModel:
    """A ResNet translator from what the catalogue holds."""
    config = _resnet_shape(tensors, card.config.get("padding", ""), what)
    agreed(card, config)
    checked = fitted(lambda: ResNetTranslator(config), tensors, what)
    return TranslationModel(card, lambda where: FastResNetTranslator(config, checked, where), runtime)


def translator_card(contents: Contents, family: str, config: dict[str, object], description: str, side: int = 0) -> Card:
    """The card of a translator, as far as its file and `opt.txt` tell."""
    return Card(
        name=proper_name(stem(contents)),
        title=told(contents, {}, ()).texts.get("name") or stem(contents),
        task="translation",
        family=family,
        config=config,
        resolution=side,
        description=f"{description[:1].upper()}{description[1:]}.",
        sha256=contents.sha256,
        source=contents.name,
    )


def is_resnet(found: Mapping[str, torch.Tensor]) -> bool:
    """Whether these are the tensors of a ResNet generator, with whole or separable convolutions."""
    first = found.get("model.1.weight")
    blocks = any(re.match(r"model\.10\.conv_block\.\d\.", name) for name in found)
    return first is not None and first.shape[2:] == (7, 7) and blocks


def resnet(found: Tensors, what: str) -> tuple[Tensors, ResNetConfig]:
    """Tensors of a ResNet generator under our names, and the network's shape.

    Its layers are numbered: 1, 4 and 7 go down, 10 begins the blocks, and after the last of them the way up begins. A block's
    second convolution comes later where there is dropout between.
    """
    batch = "model.2.weight" in found
    blocks = 0
    while any(name.startswith(f"model.{10 + blocks}.conv_block.") for name in found):
        blocks += 1
    up = 10 + blocks
    units = {1: "stem", 4: "down1", 7: "down2", up: "up1", up + 3: "up2"}
    padding, places = _block_layout(found, what)
    tensors: Tensors = {}
    for name, tensor in found.items():
        if not batch and name.endswith(_STATISTICS):
            continue  # before torch 0.4 instance norms wrote statistics, which were never used
        ours = None if name.endswith("num_batches_tracked") else _resnet_name(name, units, up, places)
        if ours is not None:
            tensors[ours] = tensor
        elif not name.endswith("num_batches_tracked"):
            raise CheckpointError(f"This {what} is of a kind that Ganvas does not know.", f"It also holds {name[:80]}.")
    return tensors, _resnet_shape(tensors, padding, what)


def _resnet_shape(tensors: Mapping[str, torch.Tensor], padding: str, what: str) -> ResNetConfig:
    """The network's shape, read off tensors under our names."""
    if padding not in ("reflect", "replicate", "zeros"):
        raise CheckpointError(f"This {what} is of a kind that Ganvas does not know.", f"It pads by {str(padding)[:20]!r}.")
    separable = "blocks.0.first.conv.pointwise.weight" in tensors
    part = "pointwise." if separable else ""
    blocks = run_of(tensors, rf"blocks\.(\d+)\.first\.conv\.{part}weight")
    try:
        inside = tuple(tensors[f"blocks.{number}.first.conv.{part}weight"].shape[0] for number in range(blocks))
        return ResNetConfig(
            channels_in=tensors["stem.conv.weight"].shape[1],
            channels_out=tensors["last.weight"].shape[0],
            stem=tensors["stem.conv.weight"].shape[0],
            halved=tensors["down1.conv.weight"].shape[0],
            quartered=tensors["down2.conv.weight"].shape[0],
            inside=inside,
            doubled=tensors["up1.conv.weight"].shape[1],
            full=tensors["up2.conv.weight"].shape[1],
            separable=separable,
            batch="stem.norm.weight" in tensors,
            padding=padding,
        )
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"This {what} is incomplete.", f"Its file holds no {error}.") from error


def _block_layout(found: Mapping[str, torch.Tensor], what: str) -> tuple[str, dict[int, str]]:
    """How a block pads, and which place of it holds which part (numbers in `conv_block`)."""
    numbers = {int(name.split(".")[3]) for name in found if re.match(r"model\.10\.conv_block\.\d\.(conv\.\d\.)?weight", name)}
    for padding, first, second in (("reflect", 1, 5), ("reflect", 1, 6), ("zeros", 0, 3), ("zeros", 0, 4)):
        places = {first: "first.conv", first + 1: "first.norm", second: "second.conv", second + 1: "second.norm"}
        if numbers in ({first, second}, set(places)):
            return padding, places
    raise CheckpointError(f"This {what} is of a kind that Ganvas does not know.", f"Its blocks hold layers {sorted(numbers)}.")


def _resnet_name(name: str, units: Mapping[int, str], up: int, places: Mapping[int, str]) -> str | None:
    parts = name.split(".")
    if len(parts) < 3 or not parts[1].isdecimal() or len(parts[1]) > 3:
        return None
    number, rest = int(parts[1]), ".".join(parts[2:])
    if number in units:
        return f"{units[number]}.conv.{rest}"
    if number - 1 in units:
        return f"{units[number - 1]}.norm.{rest}"
    if number == up + 7:
        return f"last.{rest}"
    match = re.fullmatch(r"conv_block\.(\d)\.(?:conv\.([02])\.)?(\w+)", rest)
    if match is None or int(match[1]) not in places or not 10 <= number < up:
        return None
    part = {None: "", "0": "depthwise.", "2": "pointwise."}[match[2]]
    return f"blocks.{number - 10}.{places[int(match[1])]}.{part}{match[3]}"


def _unet(found: Tensors) -> tuple[Tensors, UNetConfig]:
    """Tensors of a U-Net under our names, and its shape. Level k lies within k-1; the outermost and innermost miss norms."""
    levels = 1
    while levels < _DEEPEST and f"model.model.1{'.model.3' * (levels - 1)}.model.1.weight" in found:
        levels += 1
    batch = "model.model.1.model.2.weight" in found
    rules: dict[str, str] = {"model.model.0": "downs.0", "model.model.3": "ups.0"}
    for level in range(1, levels):
        inside = f"model.model.1{'.model.3' * (level - 1)}.model"
        deepest = level == levels - 1
        rules[f"{inside}.1"] = f"downs.{level}"
        rules[f"{inside}.{3 if deepest else 5}"] = f"ups.{level}"
        rules[f"{inside}.{4 if deepest else 6}"] = f"up_norms.{level}"
        if not deepest:
            rules[f"{inside}.2"] = f"down_norms.{level}"
    tensors: Tensors = {}
    for name, tensor in found.items():
        layer, _, part = name.rpartition(".")
        if part == "num_batches_tracked" or (not batch and part in _STATISTICS):
            continue
        if layer not in rules:
            raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It also holds {name[:80]}.")
        tensors[f"{rules[layer]}.{part}"] = tensor
    return tensors, _unet_shape(tensors)


def _unet_shape(tensors: Mapping[str, torch.Tensor]) -> UNetConfig:
    """The network's shape, read off tensors under our names."""
    levels = run_of(tensors, r"downs\.(\d+)\.weight")
    if not 2 <= levels <= _DEEPEST:
        raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It halves the picture {levels} times.")
    try:
        widths = tuple(tensors[f"downs.{level}.weight"].shape[0] for level in range(levels))
        channels_in, channels_out = tensors["downs.0.weight"].shape[1], tensors["ups.0.weight"].shape[1]
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"This {WHAT} is incomplete.", f"Its file holds no {error}.") from error
    return UNetConfig(channels_in, channels_out, widths, "up_norms.1.weight" in tensors)
