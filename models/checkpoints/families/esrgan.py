"""RRDBNet under the three namings it was published in: ESRGAN of 2018, ESRGAN of 2019, and BasicSR (Real-ESRGAN, BSRGAN)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import Tensors, agreed, fitted, renamed, run_of, state_dict
from models.checkpoints.upscaler_cards import upscaler_card
from models.errors import CheckpointError
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.precision import Runtime
from models.upscaling import UpscalingModel

WHAT = "ESRGAN upscaler (RRDBNet)"

_Rules = tuple[tuple[str, str], ...]

_DENSE = r"(conv[1-5]|conv1x1)(?:\.0)?\.(weight|bias)"
_RULES_2018 = (
    (r"model\.0\.(weight|bias)", r"conv_first.\1"),
    (rf"model\.1\.sub\.(\d+)\.RDB([123])\.{_DENSE}", r"body.\1.rdb\2.\3.\4"),
)
_RULES_2019 = (
    (r"conv_first\.(weight|bias)", r"conv_first.\1"),
    (rf"RRDB_trunk\.(\d+)\.RDB([123])\.{_DENSE}", r"body.\1.rdb\2.\3.\4"),
    (r"trunk_conv\.(weight|bias)", r"conv_body.\1"),
    (r"upconv1\.(weight|bias)", r"ups.0.\1"),
    (r"upconv2\.(weight|bias)", r"ups.1.\1"),
    (r"upconv3\.(weight|bias)", r"ups.2.\1"),
    (r"HRconv\.(weight|bias)", r"conv_hr.\1"),
    (r"conv_last\.(weight|bias)", r"conv_last.\1"),
)
_RULES_BASICSR = (
    (r"conv_first\.(weight|bias)", r"conv_first.\1"),
    (rf"body\.(\d+)\.rdb([123])\.{_DENSE}", r"body.\1.rdb\2.\3.\4"),
    (r"conv_body\.(weight|bias)", r"conv_body.\1"),
    (r"conv_up1\.(weight|bias)", r"ups.0.\1"),
    (r"conv_up2\.(weight|bias)", r"ups.1.\1"),
    (r"conv_up3\.(weight|bias)", r"ups.2.\1"),
    (r"conv_hr\.(weight|bias)", r"conv_hr.\1"),
    (r"conv_last\.(weight|bias)", r"conv_last.\1"),
)
_MARKS: tuple[tuple[str, _Rules], ...] = (
    ("model.1.sub.0.RDB1.conv1.0.weight", _RULES_2018),
    ("RRDB_trunk.0.RDB1.conv1.weight", _RULES_2019),
    ("body.0.rdb1.conv1.weight", _RULES_BASICSR),
)


class ESRGAN:
    """Upscalers of residual-in-residual dense blocks."""

    name = "esrgan"
    title = "ESRGAN"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return any(mark in found for mark, _ in _MARKS)

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; the scale follows from the layers that double and from the channels that go in."""
        tensors = _our_names(state_dict(contents))
        config = configuration(tensors)
        if "model.0.weight" in state_dict(contents) and config.scale == 2:
            _check_not_three(contents, answers)
        return card_of(contents, config), fitted(lambda: RRDBNet(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> UpscalingModel:
        config = configuration(tensors)
        agreed(card, config)
        checked = fitted(lambda: RRDBNet(config), tensors, WHAT)
        return UpscalingModel(card, lambda where: FastRRDBNet(config, checked, where), runtime)


FAMILY = ESRGAN()


def card_of(contents: Contents, config: RRDBConfig) -> Card:
    """The card of a file with this network, as far as the file tells."""
    told, limits = f"{WHAT}, x{config.scale}, {config.blocks} blocks of {config.features} features.", ""
    if config.scale == 2 and "model.0.weight" in state_dict(contents):
        limits = "Networks of 2018 for x3 have the same tensors; if its pictures look wrong at edges, it is one of those."
    return upscaler_card(contents, FAMILY.name, asdict(config), config.scale, told, limits)


def configuration(tensors: Mapping[str, torch.Tensor]) -> RRDBConfig:
    """The network's shape, read off tensors under our names; `CheckpointError` where it is none that can be."""
    try:
        features, wide = tensors["conv_first.weight"].shape[:2]
        channels = tensors["conv_last.weight"].shape[0]
        growth = tensors["body.0.rdb1.conv1.weight"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(f"This {WHAT} is incomplete.", f"Its first or last layer is missing ({error}).") from error
    doublings = run_of(tensors, r"ups\.(\d+)\.weight")
    unshuffle = math.isqrt(wide // channels) if channels else 0
    if channels not in (1, 3) or unshuffle not in (1, 2, 4) or channels * unshuffle**2 != wide:
        raise CheckpointError(
            f"This {WHAT} takes pictures of a kind that Ganvas does not know.", f"{wide} channels go in and {channels} come out."
        )
    if 2**doublings < unshuffle or doublings > 4:
        raise CheckpointError(f"This {WHAT} would make pictures of an impossible size.", f"It doubles them {doublings} times.")
    blocks = run_of(tensors, r"body\.(\d+)\.rdb1\.conv1\.weight")
    plus = "body.0.rdb1.conv1x1.weight" in tensors
    return RRDBConfig(channels, channels, features, growth, blocks, doublings, unshuffle, plus)


def _check_not_three(contents: Contents, answers: Mapping[str, str]) -> None:
    """A network of 2018 that enlarges three times has the same tensors as one for x2. `CheckpointError` where it is one.

    A person says it by the answer `scale`, else the file's name does, as those who publish such files write it (3x_..., ..._x3).
    """
    told = answers.get("scale")
    named = re.search(r"(?<![0-9a-z])(?:3x|x3)(?![0-9a-z])", contents.name.lower()) is not None
    if told not in (None, "2", "3"):
        raise CheckpointError(f"This {WHAT} cannot enlarge {told[:8]} times.", "It has layers for x2 or x3.")
    if told == "3" or (told is None and named):
        raise CheckpointError(
            f"This {WHAT} of 2018 enlarges three times, which Ganvas cannot do.",
            "Its name says x3." if told is None else "So it was told.",
            "If it is one for x2 after all, take the x3 out of its name." if told is None else "",
        )


def _our_names(found: Tensors) -> Tensors:
    rules = next(rules for mark, rules in _MARKS if mark in found)
    if rules is _RULES_2018:
        rules = _with_tail(found)
    named = renamed(found, rules)
    if len(named) < len(found):
        stranger = next(name for name, tensor in found.items() if not renamed({name: tensor}, rules))
        raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It also holds {stranger[:80]}.")
    return named


def _with_tail(found: Tensors) -> _Rules:
    """The rules of 2018 with those of the last layers, whose numbers depend on how often the picture is doubled.

    `model.1.sub.N` after the N blocks is the body's own convolution. After it every doubling takes three numbers (enlarge,
    convolution, leaky ReLU), then come a convolution, a leaky ReLU and the last convolution.
    """
    blocks = run_of(found, r"model\.1\.sub\.(\d+)\.RDB1\.conv1\.0\.weight")
    tail = sorted(
        {int(name.split(".")[1]) for name in found if name.count(".") == 2 and name[6:].split(".")[0].isdecimal()} - {0}
    )
    named = [f"ups.{i}" for i in range(len(tail) - 2)] + ["conv_hr", "conv_last"]
    rules = [(rf"model\.{number}\.(weight|bias)", rf"{name}.\1") for number, name in zip(tail, named, strict=False)]
    return (*_RULES_2018, (rf"model\.1\.sub\.{blocks}\.(weight|bias)", r"conv_body.\1"), *rules)
