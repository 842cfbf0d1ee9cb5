"""SPADE generators as its authors' training writes them: `latest_net_G.pth`, `opt.txt` and perhaps `latest_net_E.pth` beside.

What the tensors do not tell is read from `opt.txt` or asked: "normal" and "more" have the same tensors, and the size of a
picture stands in them only where a style vector is unrolled into one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from models.card import Card, Label
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.label_sets import SETTINGS, labels_of
from models.checkpoints.options import Told
from models.checkpoints.options import told as told_of
from models.checkpoints.reading import read_source
from models.checkpoints.source import Source
from models.checkpoints.spectral import folded
from models.checkpoints.state_dicts import Tensors, fitted, run_of, state_dict, stem
from models.checkpoints.tensors import check_bytes
from models.errors import BadInput, CheckpointError, NeedsAnswer
from models.networks.spade import LAYERS, FastSPADE, SPADEConfig, SPADEEncoder, SPADEGenerator
from models.painting import PaintingModel
from models.precision import Runtime
from models.steps import Steps

WHAT = "SPADE generator"
LARGEST_SIDE = 1 << 13  # of a picture, and of any other number of the network's shape
UNTOLD_SIDE = 256  # where nothing tells the size that a network was taught, it works at about this one, squared
_ANSWERS = (
    "num_upsampling_layers",
    "dataset_mode",
    "crop_size",
    "aspect_ratio",
    "label_nc",
    "contain_dontcare_label",
    "no_instance",
)


class SPADEPainter:
    """The generator with its style encoder, where it has one."""

    def __init__(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        config = _shape(card)
        self.style_dim = config.style
        self._channels, self._step, self._runtime = config.channels, 1 << config.doublings, runtime
        self._fixed = config.start if config.style else None
        self._taught: tuple[int, int] | None = tuple(card.config["taught"]) if card.config.get("taught") else None
        self._generator = FastSPADE(config, _under("generator.", tensors), runtime)
        self._encoder: SPADEEncoder | None = None
        widths = tuple(card.config.get("encoder", ()))
        if widths:
            self._encoder = SPADEEncoder(widths, config.style).eval().requires_grad_(False)
            self._encoder.load_state_dict(_under("encoder.", tensors))
            self._encoder.to(runtime.device, torch.float32)

    def working_size(self, height: int, width: int, detail: float = 1) -> tuple[int, int]:
        """The size it was taught where the network is bound to it; else about that area in the map's shape. Never finer."""
        step = self._step
        if self._fixed is not None:
            return self._fixed[0] * step, self._fixed[1] * step
        if self._taught is None and height % step == 0 and width % step == 0 and height * width <= 2 * UNTOLD_SIDE**2:
            return height, width
        area = math.prod(self._taught) if self._taught else UNTOLD_SIDE**2
        factor = math.sqrt(area / (height * width))
        most = 8 * math.isqrt(area)  # a thin strip must not become a long one
        sides = [min(most, max(step, round(side * factor / step) * step)) for side in (height, width)]
        return sides[0], sides[1]

    def encode(self, photo: torch.Tensor) -> torch.Tensor:
        """Style `[1, style]` of a photo `[1, 3, h, w]`, -1..1: the mean, without a random draw."""
        if self._encoder is None:
            raise BadInput(
                "This model cannot take a look from a photo.",
                "Its encoder was not beside the generator when it was opened.",
                "Put latest_net_E.pth beside latest_net_G.pth and add it again.",
            )
        style: torch.Tensor = self._encoder(photo.float())
        return style

    def draw(self, seed: int) -> torch.Tensor:
        """Style `[1, style]` of a seed: unit normal, as the network was taught."""
        drawn = np.random.RandomState(seed % 2**32).randn(1, self.style_dim).astype(np.float32)
        return torch.from_numpy(drawn).to(self._runtime.device)

    def render(self, shares: torch.Tensor, style: torch.Tensor | None, noise_seed: int, detail: float) -> Steps[torch.Tensor]:
        """Picture of shares at working size: its `detail` is 1, and it has no noise. No style is the mean of all, zero."""
        labels = shares.new_zeros(1, self._channels, *shares.shape[-2:])
        labels[:, : shares.shape[1]] = shares
        if style is None and self.style_dim:
            style = shares.new_zeros(1, self.style_dim)
        return (yield from self._generator.render(labels, style))


class SPADE:
    """Photos from label maps."""

    name = "spade"
    title = "SPADE (GauGAN)"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return any("norm_0.mlp_shared" in name and name.startswith("head_0.") for name in found) or _is_encoder(found)

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors `generator.*` and, where the encoder lies beside, `encoder.*`."""
        found = state_dict(contents)
        if _is_encoder(found):
            raise CheckpointError(
                f"{contents.name} is the style encoder of a SPADE model.",
                "It reads photos, but paints nothing.",
                "Open the generator that belongs to it (latest_net_G.pth); the encoder is found beside it.",
            )
        check_bytes(found, WHAT)
        told = told_of(contents, answers, _ANSWERS)
        told = Told({**SETTINGS.get(told.texts.get("dataset_mode", ""), {}), **told.texts})
        tensors = _our_names(folded(found))
        config = _configuration(tensors, told)
        tensors = fitted(lambda: SPADEGenerator(config), tensors, WHAT)
        encoder, widths = _encoder(contents, config.style)
        labels, unlabelled = _labels(config.channels, told)
        taught = _taught(config, told)
        settings: dict[str, Any] = {**asdict(config), "taught": taught, "encoder": widths, "unlabelled": unlabelled}
        card = Card(
            name=proper_name(stem(contents)),
            title=told.texts.get("name") or stem(contents),
            task="painting",
            family=self.name,
            config=settings,
            labels=labels,
            resolution=max(taught) if taught else 0,
            description=f"{WHAT}, {config.channels} channels of labels, {_called(config.doublings)} layers.",
            sha256=contents.sha256,
            source=contents.name,
        )
        return card, {**{f"generator.{k}": v for k, v in tensors.items()}, **{f"encoder.{k}": v for k, v in encoder.items()}}

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> PaintingModel:
        config = _shape(card)
        fitted(lambda: SPADEGenerator(config), _under("generator.", tensors), WHAT)
        widths = tuple(card.config.get("encoder", ()))
        if len(widths) > 8:
            raise CheckpointError(f"The card of {card.name} does not describe a {WHAT}.")
        if widths:
            fitted(lambda: SPADEEncoder(widths, config.style), _under("encoder.", tensors), "SPADE encoder")
        return PaintingModel(card, lambda where: SPADEPainter(card, tensors, where), runtime)


FAMILY = SPADE()


# The shape


def _called(doublings: int) -> str:
    return next(name for name, number in LAYERS.items() if number == doublings)


def _configuration(tensors: Tensors, told: Told) -> SPADEConfig:
    """The generator's shape from its tensors, and what they leave open from what was told."""
    try:
        first = tensors["head_0.conv_0.weight"].shape[0]
        hidden, channels, kernel, _ = tensors["head_0.norm_0.mlp_shared.weight"].shape
        unrolled = tensors["fc.weight"]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"This {WHAT} is incomplete.", f"Its first layers are missing ({error}).") from error
    doublings = _doublings("up_4.conv_0.weight" in tensors, told)
    style, start = 0, (0, 0)
    if unrolled.ndim == 2:
        style = unrolled.shape[1]
        start = _start(unrolled.shape[0] // max(1, first), told)
    batch = "head_0.norm_0.running_mean" in tensors
    return SPADEConfig(channels, first // 16, hidden, kernel, doublings, style, start, batch)


def _doublings(most: bool, told: Told) -> int:
    answer = told.texts.get("num_upsampling_layers")
    if answer is not None and answer not in LAYERS:
        raise CheckpointError(f"{answer[:40]!r} is no number of upsampling layers of a {WHAT}.", "It is normal, more or most.")
    if answer is not None and (answer == "most") != most:
        raise CheckpointError(
            f"This {WHAT} does not have the upsampling layers that were named.",
            f"They were said to be {answer}, but its tensors {'are those of most' if most else 'are not those of most'}.",
        )
    if most:
        return LAYERS["most"]
    if answer is None:
        raise NeedsAnswer("num_upsampling_layers", f"How many upsampling layers does this {WHAT} have?", ("normal", "more"))
    return LAYERS[answer]


def _start(pixels: int, told: Told) -> tuple[int, int]:
    """Height and width at which a picture begins that has this many pixels there."""
    width = math.sqrt(pixels * told.number("aspect_ratio", 1.0))
    if "aspect_ratio" not in told.texts and math.isqrt(pixels) ** 2 != pixels:
        raise NeedsAnswer("aspect_ratio", f"How much wider than high are the pictures of this {WHAT}?", ("2.0", "1.5", "0.5"))
    columns = round(width)
    if columns < 1 or pixels % columns:
        raise CheckpointError(f"The shape of the pictures of this {WHAT} does not fit its tensors.")
    return pixels // columns, columns


def _taught(config: SPADEConfig, told: Told) -> list[int] | None:
    """Height and width of the pictures it was taught with, where they are known."""
    step = 1 << config.doublings
    if config.style:
        return [config.start[0] * step, config.start[1] * step]
    if "crop_size" not in told.texts:
        return None
    columns = max(1, int(told.number("crop_size", UNTOLD_SIDE)) // step)
    rows = max(1, round(columns / told.number("aspect_ratio", 1.0)))
    return [rows * step, columns * step]


def _labels(channels: int, told: Told) -> tuple[tuple[Label, ...], int | None]:
    """Labels that can be painted, and which of them stands for unlabelled pixels (None: they take after their neighbours).

    The channels are those of the labels, then one for "don't care" and one for the edges of instances, where there are any.
    The last is no label, and stays empty.
    """
    extra = int(told.yes("contain_dontcare_label")) + int(told.no("no_instance"))
    count = int(told.number("label_nc", channels - extra))
    if count + extra != channels:
        raise CheckpointError(
            f"This {WHAT} does not fit its opt.txt.", f"It has {channels} channels of labels, but {count} and {extra} are told."
        )
    if count > 255:
        raise CheckpointError(f"This {WHAT} has {count} labels.", "A label map holds 255 at most.")
    labels = labels_of(told.texts.get("dataset_mode", ""), count)
    if not told.yes("contain_dontcare_label"):
        return labels, None
    return (*labels, Label(count, "don't care", (0, 0, 0))), count


# The tensors


def _is_encoder(found: Mapping[str, torch.Tensor]) -> bool:
    return "fc_mu.weight" in found and any(name.startswith("layer1.0.") for name in found)


def _encoder(contents: Contents, style: int) -> tuple[Tensors, list[int]]:
    """The encoder beside the generator, and the widths of its layers; nothing where there is none or none is needed."""
    name = contents.name.replace("net_G", "net_E")
    raw = contents.siblings.get(name)
    if raw is None or not style:
        return {}, []
    found = state_dict(read_source(Source(name, raw)))
    check_bytes(found, "SPADE encoder")
    if not _is_encoder(found):
        raise CheckpointError(f"{name} beside {contents.name} is no encoder of a {WHAT}.", hint="Move it away.")
    tensors = {
        re.sub(r"^layer(\d)\.0\.", lambda match: f"layers.{int(match[1]) - 1}.", key): tensor
        for key, tensor in folded(found).items()
        if not key.startswith("fc_var.")
    }
    layers = run_of(tensors, r"layers\.(\d+)\.weight")
    widths = [tensors[f"layers.{number}.weight"].shape[0] for number in range(layers)]
    if not 1 <= layers <= 8:
        raise CheckpointError(f"The encoder {name} has {layers} layers.", "Those of SPADE have five or six.")
    return fitted(lambda: SPADEEncoder(tuple(widths), style), tensors, "SPADE encoder"), widths


def _our_names(found: Tensors) -> Tensors:
    ours: Tensors = {}
    for name, tensor in found.items():
        if name.endswith("num_batches_tracked"):
            continue
        ours[name.replace("mlp_shared.0.", "mlp_shared.").replace("param_free_norm.", "")] = tensor
    return ours


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _shape(card: Card) -> SPADEConfig:
    """The generator's shape as the card has it; `CheckpointError` where it asks for something that cannot be."""
    settings = {key: card.config[key] for key in SPADEConfig.__dataclass_fields__}
    settings["start"] = (int(settings["start"][0]), int(settings["start"][1]))
    config = SPADEConfig(**settings)
    whole = (config.channels, config.width, config.hidden, config.kernel, config.style, *config.start, *_sides(card))
    sane = all(type(number) is int and 0 <= number <= LARGEST_SIDE for number in whole)
    if not sane or config.doublings not in LAYERS.values() or config.kernel % 2 == 0 or len(card.labels) > config.channels:
        raise CheckpointError(f"The card of {card.name} does not describe a {WHAT}.")
    return config


def _sides(card: Card) -> tuple[Any, ...]:
    return (*(card.config.get("taught") or ()), *card.config.get("encoder", ()))
