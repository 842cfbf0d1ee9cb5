"""Small real networks with random weights, one of each task, in a catalogue of their own: they answer in milliseconds."""

from dataclasses import asdict
from pathlib import Path

import torch

from models.card import Card, Label
from models.catalogue import Catalogue
from models.checkpoints.families.landscapes import FEATURES_UNTIL
from models.networks.compact import Compact, CompactConfig
from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.landscape import LandscapeConfig, LandscapeGenerator, StyleEncoder
from models.networks.mobilestylegan import MobileStyleGAN, Shape
from models.networks.resnet_translator import ResNetConfig, ResNetTranslator

FACES, PAINTER, UPSCALER, BROKEN = "small-faces", "small-painter", "small-upscaler", "broken-upscaler"
TRANSLATOR = "small-translator"
FACE_SHAPE = Shape(mapping=((16, 16), (16, 16)), blocks=((16, 16), (16, 16), (16, 16)))  # 64 px, with an early exit at 32
PAINT_CONFIG = LandscapeConfig(labels=4, channels=(16, 12, 8, 8), style_dim=6, embedding=8)
UPSCALE_CONFIG = CompactConfig(channels=3, features=8, inner=2, shuffle=2)
TRANSLATE_CONFIG = ResNetConfig(3, 3, 4, 6, 8, (8,), 6, 4, separable=False, batch=False)


def catalogue(home: Path) -> Catalogue:
    """A catalogue in this folder that holds the small models."""
    torch.manual_seed(0)
    made = Catalogue(home)
    made.keep(Card(FACES, "Small faces", "latent", "mobilestylegan", resolution=FACE_SHAPE.resolution), _faces())
    labels = tuple(Label(i, f"label {i}", (60 * i, 100, 200)) for i in range(PAINT_CONFIG.labels))
    made.keep(Card(PAINTER, "Small painter", "painting", "landscapes", PAINT_CONFIG.to_dict(), labels, resolution=64), _painter())
    card = Card(UPSCALER, "Small upscaler", "upscaling", "compact", asdict(UPSCALE_CONFIG), scale=2)
    made.keep(card, _upscaler())
    card = Card(BROKEN, "Broken upscaler", "upscaling", "compact", asdict(UPSCALE_CONFIG), scale=2)
    made.keep(card, {name: torch.full_like(value, 1e30) for name, value in _upscaler().items()})
    card = Card(TRANSLATOR, "Small translator", "translation", "pix2pix-cyclegan", asdict(TRANSLATE_CONFIG))
    made.keep(
        card, {name: 0.2 * torch.randn(value.shape) for name, value in ResNetTranslator(TRANSLATE_CONFIG).state_dict().items()}
    )
    return made


def _faces() -> dict[str, torch.Tensor]:
    return {name: 0.3 * torch.randn(value.shape) for name, value in MobileStyleGAN(FACE_SHAPE).state_dict().items()}


def _upscaler() -> dict[str, torch.Tensor]:
    return {name: 0.1 * torch.randn(value.shape) for name, value in Compact(UPSCALE_CONFIG).state_dict().items()}


def _painter() -> dict[str, torch.Tensor]:
    parts = {
        "generator": LandscapeGenerator(PAINT_CONFIG),
        "encoder": StyleEncoder(PAINT_CONFIG.style_dim),
        "features": EfficientNetLite(FEATURES_UNTIL),
    }
    named = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items() if "num_batches" not in k}
    return {**named, "looks.mean": torch.randn(5, 6) * 3, "looks.deviation": torch.rand(5, 6) * 0.1}
