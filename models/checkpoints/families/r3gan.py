"""R3GAN as its authors write it: pickles of `R3GAN.Networks`, or `BaselineGAN.Networks` as the published weights spell it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import torch

from models.card import Card
from models.checkpoints.families.nvidia import PLACES
from models.checkpoints.family import Contents
from models.checkpoints.inert import Record, class_of, fields_of, module_tensors
from models.checkpoints.latent_cards import check_colours, latent_card
from models.checkpoints.state_dicts import fitted, renamed, state_dict
from models.errors import CheckpointError
from models.latent import LatentModel
from models.networks.r3gan import R3GAN, FastR3GAN, Shape, shape_of
from models.precision import Runtime

WHAT = "R3GAN"
Tensors = dict[str, torch.Tensor]
KERNEL = r"(?:Model\.)?MainLayers\.\d+\.Layers\.0\.Resampler\.Kernel"

STAGE = r"(?:Model\.)?MainLayers\.(\d+)\.Layers\."
SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"(?:Model\.)?EmbeddingLayer\.weight", "embed.weight"),
    (STAGE + r"0\.Basis", "basis"),
    (STAGE + r"0\.LinearLayer\.weight", "mix.weight"),
    (STAGE + r"0\.LinearLayer\.Layer\.weight", r"stages.\1.change"),
    (STAGE + r"(\d+)\.LinearLayer1\.Layer\.weight", r"stages.\1.blocks.\2.first"),
    (STAGE + r"(\d+)\.LinearLayer2\.Layer\.weight", r"stages.\1.blocks.\2.middle"),
    (STAGE + r"(\d+)\.LinearLayer3\.Layer\.weight", r"stages.\1.blocks.\2.last"),
    (STAGE + r"(\d+)\.NonLinearity1\.Bias", r"stages.\1.blocks.\2.first_bias"),
    (STAGE + r"(\d+)\.NonLinearity2\.Bias", r"stages.\1.blocks.\2.middle_bias"),
    (r"(?:Model\.)?AggregationLayer\.Layer\.weight", "picture"),
)


class R3GANFamily:
    """The strongest generator that was published as a plain checkpoint since StyleGAN."""

    name = "r3gan"
    title = "R3GAN"

    def recognises(self, contents: Contents) -> bool:
        return any(re.fullmatch(STAGE + r"0\.Basis", name) for name in _tensors(contents))

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, Tensors]:
        """Card and tensors. `CheckpointError` where something in it is of another kind than published networks."""
        found = _tensors(contents)
        kernels = {name: tensor for name, tensor in found.items() if re.fullmatch(KERNEL, name)}
        kernel = next(iter(kernels.values()), None)
        if kernel is None or any(not torch.equal(other, kernel) for other in kernels.values()):
            raise CheckpointError(f"This {WHAT} resamples in another way than published networks.")
        # Blocks are counted after what leads into a stage.
        tensors = {_counted(name): tensor for name, tensor in renamed(found, SPELLINGS).items()}
        if len(tensors) + len(kernels) < len(found):
            raise CheckpointError(f"This {WHAT} is of a kind that Ganvas does not know.", "Some of its tensors have other names.")
        tensors["kernel"] = kernel / kernel.sum()
        shape = shape_of(tensors)
        check_colours(shape.colours, WHAT)
        return latent_card(contents, self.name, shape, WHAT), fitted(lambda: R3GAN(shape), tensors, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        """The working model; its shape follows from the tensors alone."""
        shape = shape_of(tensors)
        return LatentModel(card, partial(FastR3GAN, _network(shape, fitted(lambda: R3GAN(shape), tensors, WHAT))), runtime)


FAMILY = R3GANFamily()


def _tensors(contents: Contents) -> Tensors:
    """Tensors of the generator: of the moving average in a pickle, or a state dict."""
    fields = fields_of(contents.tree)
    for place in PLACES:
        module = fields.get(place)
        if isinstance(module, Record) and class_of(module) == "Generator":
            return module_tensors(module)
        if isinstance(module, Mapping):
            return {str(name): value for name, value in module.items() if isinstance(value, torch.Tensor)}
    return state_dict(contents)


def _counted(name: str) -> str:
    return re.sub(r"(?<=\.blocks\.)\d+", lambda match: str(int(match[0]) - 1), name)


def _network(shape: Shape, tensors: Mapping[str, torch.Tensor]) -> R3GAN:
    with torch.device("meta"):
        network = R3GAN(shape)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)
