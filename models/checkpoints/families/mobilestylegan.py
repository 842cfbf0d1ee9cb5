"""MobileStyleGAN as OpenVINO graphs: one for the mapping network, one for synthesis (names of MobileStyleGAN.pytorch)."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.card import Card
from models.catalogue import proper_name
from models.checkpoints.family import Contents
from models.checkpoints.openvino import Constant
from models.checkpoints.state_dicts import fitted, stem
from models.errors import CheckpointError
from models.latent import LatentModel, average_of
from models.latents.fitted import fitted_average, preview_heads
from models.networks.mobilestylegan import MobileStyleGAN, from_tensors, shape_of
from models.networks.mobilestylegan_fast import FastMobileStyleGAN
from models.precision import Runtime

WHAT = "MobileStyleGAN"
Arrays = dict[str, NDArray[np.floating[Any]]]

# Their names of a synthesis network's weights, and ours.
SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"m\.input\.input", "start"),
    (r"m\.conv1\.conv\.modulation\.(weight|bias)", r"first.style.\1"),
    (r"m\.conv1\.conv\.weight", "first.weight"),
    (r"m\.conv1\.bias", "first.bias"),
    (r"m\.layers\.(\d+)\.up\.modulation\.(weight|bias)", r"blocks.\1.up.\2"),
    (r"m\.layers\.(\d+)\.(conv[12])\.conv\.modulation\.(weight|bias)", r"blocks.\1.\2.style.\3"),
    (r"m\.layers\.(\d+)\.(conv[12])\.conv\.weight_dw", r"blocks.\1.\2.depthwise"),
    (r"m\.layers\.(\d+)\.(conv[12])\.conv\.weight_permute", r"blocks.\1.\2.pointwise"),
    (r"m\.layers\.(\d+)\.(conv[12])\.bias", r"blocks.\1.\2.bias"),
    (r"m\.layers\.\d+\.to_img\.conv\.modulation\.(weight|bias)", r"head.style.\1"),
    (r"m\.layers\.\d+\.to_img\.conv\.weight", "head.weight"),
    (r"m\.layers\.\d+\.to_img\.bias", "head.bias"),
)


class MobileStyleGANFamily:
    """Generators that run well on a processor. Their graphs have noise and demodulation folded in."""

    name = "mobilestylegan"
    title = "MobileStyleGAN"

    def recognises(self, contents: Contents) -> bool:
        """Graphs of OpenVINO, one of which has the names of this synthesis network."""
        return contents.format == "openvino" and any(_is_synthesis(graph) for graph in contents.tree.values())

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors. `CheckpointError` where a graph is missing, or a part of one."""
        graphs: dict[str, list[Constant]] = contents.tree
        synthesis = next(name for name, graph in graphs.items() if _is_synthesis(graph))
        mapping = next((name for name, graph in graphs.items() if name != synthesis and _mapping(graph)), None)
        if mapping is None:
            raise CheckpointError(
                f"{contents.name} is the synthesis half of a MobileStyleGAN.",
                "Its mapping network is not beside it.",
                "Put MappingNetwork.xml and MappingNetwork.bin into the same folder.",
            )
        arrays = {**_mapping(graphs[mapping]), **_synthesis(graphs[synthesis])}
        tensors = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
        shape, sha256 = shape_of(tensors), _sha256(contents, (mapping, synthesis))
        average = fitted_average(sha256)
        if average is None:
            network = from_tensors(fitted(partial(MobileStyleGAN, shape), {**tensors, "average": torch.zeros(shape.w_dim)}, WHAT))
            average = average_of(network.mapping, shape.z_dim)
        card = Card(
            name=proper_name(stem(contents)),
            title=f"MobileStyleGAN, {shape.resolution} px",
            task="latent",
            family=self.name,
            resolution=shape.resolution,
            sha256=sha256,
            source=contents.name,
        )
        return card, fitted(partial(MobileStyleGAN, shape), {**tensors, "average": average}, WHAT)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LatentModel:
        """The working model; `CheckpointError` where tensors are missing or have wrong shapes."""
        network = from_tensors(fitted(partial(MobileStyleGAN, shape_of(tensors)), tensors, WHAT))
        heads = preview_heads(card.sha256, network.shape.widths, network.shape.w_dim)
        return LatentModel(card, partial(FastMobileStyleGAN, network, heads), runtime)


FAMILY = MobileStyleGANFamily()


def _is_synthesis(graph: Sequence[Constant]) -> bool:
    names = {constant.name for constant in graph}
    return "m.input.input" in names and any(re.fullmatch(r"m\.layers\.\d+\.conv1\.conv\.weight_dw", name) for name in names)


def _mapping(graph: Sequence[Constant]) -> Arrays:
    """The linear layers of a mapping network: matrices in the order of the file, each followed by its bias."""
    large = [constant.value for constant in graph if constant.value.size > 1]
    pairs = [(weight, bias) for weight, bias in zip(large[::2], large[1::2], strict=False)]
    if not pairs or len(large) % 2 or any(weight.ndim != 2 or bias.size != weight.shape[0] for weight, bias in pairs):
        return {}
    return {
        f"mapping.layers.{i}.{part}": array
        for i, (weight, bias) in enumerate(pairs)
        for part, array in (("weight", weight), ("bias", bias.reshape(-1)))
    }


def _synthesis(graph: Sequence[Constant]) -> Arrays:
    """Weights under our names; the noise planes have no names of their own and come in the order of the layers."""
    found: Arrays = {}
    planes = []
    for constant in graph:
        value = constant.value
        for theirs, ours in SPELLINGS:
            match = re.fullmatch(theirs, constant.name)
            if match:
                found[match.expand(ours)] = _our_shape(match.expand(ours), value)
        if value.ndim == 4 and value.shape[:2] == (1, 1) and value.shape[2] == value.shape[3] >= 4:
            planes.append(value)
    blocks = sum(name.endswith("conv1.depthwise") for name in found)
    layers = ["first", *(f"blocks.{i}.{conv}" for i in range(blocks) for conv in ("conv1", "conv2"))]
    if len(planes) != len(layers):
        raise CheckpointError(
            "This MobileStyleGAN is not complete.", f"It has {len(planes)} noise planes for {len(layers)} layers."
        )
    return found | {f"{layer}.noise": plane for layer, plane in zip(layers, planes, strict=True)}


def _our_shape(name: str, value: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    if name.endswith("bias"):
        return value.reshape(-1)
    return value.reshape(value.shape[0], *value.shape[2:]) if name.endswith("depthwise") and value.ndim == 5 else value


def _sha256(contents: Contents, graphs: Sequence[str]) -> str:
    """Of the numbers of mapping and synthesis network, one after the other: the same however the files were packed."""
    digest = hashlib.sha256()
    for name in graphs:
        digest.update(contents.siblings.get(posixpath.splitext(name)[0] + ".bin", b""))
    return digest.hexdigest()
