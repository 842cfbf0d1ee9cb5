"""SRGAN generators of leftthomas/SRGAN (`netG_epoch_4_100.pth`): `block1` to `block8`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import agreed, fitted, renamed, run_of, state_dict
from models.checkpoints.upscaler_cards import upscaler_card
from models.errors import CheckpointError
from models.networks.srresnet import FastSRResNet, SRResNet, SRResNetConfig
from models.precision import Runtime
from models.upscaling import UpscalingModel

WHAT = "SRGAN upscaler (SRResNet)"
_NORM = r"(weight|bias|running_mean|running_var)"


class SRGAN:
    """Upscalers with plain residual blocks."""

    name = "srgan"
    title = "SRGAN"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return "block2.conv1.weight" in found and "block8.0.conv.weight" in found

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; the scale follows from the enlarging steps in `block8`."""
        found = {name: t for name, t in state_dict(contents).items() if not name.endswith("num_batches_tracked")}
        doublings = run_of(found, r"block8\.(\d+)\.conv\.weight")
        normed = "block7.1.running_mean" in found
        tensors = renamed(found, _rules(doublings, normed))
        if len(tensors) < len(found):
            stranger = next(name for name, t in found.items() if not renamed({name: t}, _rules(doublings, normed)))
            raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It also holds {stranger[:80]}.")
        config = _configuration(tensors)
        told = f"{WHAT}, x{config.scale}, {config.features} features."
        card = upscaler_card(contents, self.name, asdict(config), config.scale, told)
        return card, fitted(lambda: SRResNet(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> UpscalingModel:
        config = _configuration(tensors)
        agreed(card, config)
        checked = fitted(lambda: SRResNet(config), tensors, WHAT)
        return UpscalingModel(card, lambda where: FastSRResNet(config, checked, where), runtime)


FAMILY = SRGAN()


def _configuration(tensors: Mapping[str, torch.Tensor]) -> SRResNetConfig:
    """The network's shape, read off tensors under our names."""
    first = tensors.get("first.weight")
    if first is None or first.ndim != 4:
        raise CheckpointError(f"This {WHAT} is incomplete.", "Its first layer is missing.")
    doublings = run_of(tensors, r"ups\.(\d+)\.weight")
    if not 1 <= doublings <= 4:
        raise CheckpointError(f"This {WHAT} would make pictures of an impossible size.", f"It doubles them {doublings} times.")
    blocks = run_of(tensors, r"blocks\.(\d+)\.conv1\.weight")
    return SRResNetConfig(first.shape[0], blocks, doublings, "middle_norm.weight" in tensors)


def _rules(doublings: int, normed: bool) -> tuple[tuple[str, str], ...]:
    blocks = [
        rule
        for number in range(5)
        for rule in (
            (rf"block{number + 2}\.(conv[12])\.(weight|bias)", rf"blocks.{number}.\1.\2"),
            (rf"block{number + 2}\.bn([12])\.{_NORM}", rf"blocks.{number}.norm\1.\2"),
            (rf"block{number + 2}\.prelu\.weight", f"blocks.{number}.slope"),
        )
    ]
    return (
        (r"block1\.0\.(weight|bias)", r"first.\1"),
        (r"block1\.1\.weight", "first_slope"),
        *blocks,
        (r"block7\.0\.(weight|bias)", r"middle.\1"),
        (rf"block7\.1\.{_NORM}", r"middle_norm.\1") if normed else (r"block7\.1\.weight", "middle_slope"),
        (r"block8\.(\d)\.conv\.(weight|bias)", r"ups.\1.\2"),
        (r"block8\.(\d)\.prelu\.weight", r"up_slopes.\1"),
        (rf"block8\.{doublings}\.(weight|bias)", r"last.\1"),
    )
