"""Generators of GAN Compression: the ResNet of CycleGAN with separable convolutions, widths as the search picked them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.checkpoints.families.pix2pix import assembled_resnet, is_resnet, resnet, translator_card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import fitted, state_dict
from models.networks.resnet_translator import ResNetTranslator
from models.precision import Runtime
from models.translation import TranslationModel

WHAT = "GAN Compression generator"


class GANCompression:
    """Translators that are quick on any machine."""

    name = "gan-compression"
    title = "GAN Compression"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        return is_resnet(found) and "model.10.conv_block.1.conv.0.weight" in found

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; all widths follow from the tensors."""
        tensors, config = resnet(state_dict(contents), WHAT)
        return translator_card(contents, self.name, asdict(config), WHAT), fitted(lambda: ResNetTranslator(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> TranslationModel:
        return assembled_resnet(card, tensors, runtime, WHAT)


FAMILY = GANCompression()
