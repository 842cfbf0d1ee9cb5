"""DCGAN generators of pytorch/examples: `main.0.weight`, `main.1.weight` ..., a norm after each layer but the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import torch

from models.card import Card
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import agreed, fitted, renamed, run_of, state_dict, stem
from models.errors import CheckpointError
from models.latent import LatentModel
from models.networks.dcgan import DCGAN, DCGANConfig, FastDCGAN
from models.precision import Runtime

WHAT = "DCGAN generator"
_MOST_LAYERS = 10


class DCGANFamily:
    """Small generators, as one trains them to learn the trade."""

    name = "dcgan"
    title = "DCGAN"

    def recognises(self, contents: Contents) -> bool:
        found = state_dict(contents)
        first, norm = found.get("main.0.weight"), found.get("main.1.running_mean")
        return first is not None and first.ndim == 4 and norm is not None and first.shape[1:2] == norm.shape

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors; sizes follow from the tensors. A layer, its norm and its ReLU take three numbers."""
        found = {name: t for name, t in state_dict(contents).items() if not name.endswith("num_batches_tracked")}
        layers = 0
        while layers < _MOST_LAYERS and f"main.{3 * layers}.weight" in found:
            layers += 1
        rules = tuple(
            rule
            for number in range(layers)
            for rule in (
                (rf"main\.{3 * number}\.weight", f"layers.{number}.weight"),
                (rf"main\.{3 * number + 1}\.(weight|bias|running_mean|running_var)", rf"norms.{number}.\1"),
            )
        )
        tensors = renamed(found, rules)
        if len(tensors) < len(found) or run_of(tensors, r"norms\.(\d+)\.weight") != layers - 1:
            raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It has {layers} layers.")
        config = _configuration(tensors)
        card = Card(
            name=proper_name(stem(contents)),
            title=stem(contents),
            task="latent",
            family=self.name,
            config=asdict(config),
            resolution=config.resolution,
            description=f"{WHAT}, {config.resolution} px.",
            sha256=contents.sha256,
            source=contents.name,
        )
        return card, fitted(lambda: DCGAN(config), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        config = _configuration(tensors)
        agreed(card, config)
        checked = fitted(lambda: DCGAN(config), tensors, WHAT)
        return LatentModel(card, lambda where: FastDCGAN(config, checked, where), runtime)


FAMILY = DCGANFamily()


def _configuration(tensors: Mapping[str, torch.Tensor]) -> DCGANConfig:
    """The network's shape, read off tensors under our names."""
    layers = run_of(tensors, r"layers\.(\d+)\.weight")
    weights = [tensors[f"layers.{number}.weight"] for number in range(layers)]
    if not 2 <= layers <= _MOST_LAYERS or any(weight.ndim != 4 for weight in weights):
        raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", f"It has {layers} layers.")
    sizes = [weight.shape[1] for weight in weights]
    if sizes[-1] not in (1, 3):
        raise CheckpointError(f"This {WHAT} makes pictures of {sizes[-1]} channels.", "Ganvas shows grey and colour.")
    return DCGANConfig(weights[0].shape[0], tuple(sizes[:-1]), sizes[-1])
