"""Upscalers as ncnn graphs. The graph is compared with RRDBNet and the compact network, and becomes one of them or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from models.card import Card
from models.checkpoints.families import compact, esrgan
from models.checkpoints.family import Contents
from models.checkpoints.ncnn_reader import Layer
from models.checkpoints.state_dicts import Tensors, fitted
from models.errors import CheckpointError
from models.networks.compact import Compact
from models.networks.dense_rows import RESIDUAL, SLOPE
from models.networks.rrdbnet import RRDBNet
from models.precision import Runtime

_NEAREST, _BICUBIC = 1, 3  # Interp's kinds
_ADD, _MULTIPLY = 0, 2  # BinaryOp's


class Other(Exception):
    """The graph goes another way than the network it is compared with."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Layers by the blob that they make; copies made by Split count as their origin."""

    makers: Mapping[str, Layer]
    origins: Mapping[str, str]
    output: str
    input: str

    def maker(self, blob: str) -> Layer:
        """The layer that makes a blob; `Other` at the picture itself."""
        layer = self.makers.get(self.origin(blob))
        if layer is None or layer.kind == "Input":
            raise Other("the picture comes too early")
        return layer

    def origin(self, blob: str) -> str:
        """The blob that this one is a copy of, or itself."""
        return self.origins.get(blob, blob)


def _graph(layers: list[Layer]) -> Graph:
    makers: dict[str, Layer] = {}
    origins: dict[str, str] = {}
    used: set[str] = set()
    for layer in layers:
        if not all(blob in makers for blob in layer.inputs):  # so no chain of layers leads back to itself
            raise Other(f"{layer.name[:40]} comes before what it needs")
        used.update(layer.inputs)
        for blob in layer.outputs:
            makers[blob] = layer
            if layer.kind == "Split" and len(layer.inputs) == 1:
                origins[blob] = origins.get(layer.inputs[0], layer.inputs[0])
    inputs = [layer.outputs[0] for layer in layers if layer.kind == "Input" and len(layer.outputs) == 1]
    outputs = [blob for layer in layers for blob in layer.outputs if blob not in used]
    if len(inputs) != 1 or len(outputs) != 1:
        raise Other(f"{len(inputs)} pictures go in and {len(outputs)} come out")
    return Graph(makers, origins, outputs[0], inputs[0])


# Pieces of a graph, read from their end to their beginning. Each gives back the blob at its beginning.


def _convolution(graph: Graph, blob: str, name: str, into: Tensors, *, slope: float | None) -> str:
    """A 3x3 convolution whose numbers go `into` tensors under `name`, followed by a leaky ReLU (`slope`) or by nothing."""
    layer = graph.maker(blob)
    if slope is not None and layer.kind == "ReLU":
        _expect(abs(layer.real(0) - slope) < 1e-6, layer)
        layer = graph.maker(layer.inputs[0])
    elif slope is not None:
        fused = layer.row(10)
        _expect(layer.kind == "Convolution" and layer.whole(9) == 2 and abs(fused[0] - slope if fused else 1.0) < 1e-6, layer)
    else:
        _expect(layer.kind == "Convolution" and layer.whole(9) == 0, layer)
    settings = (layer.whole(1), layer.whole(11, 3), layer.whole(2, 1), layer.whole(3, 1), layer.whole(4), layer.whole(14, 1))
    _expect(layer.kind == "Convolution" and settings == (3, 3, 1, 1, 1, 1) and "bias" in layer.arrays, layer)
    outputs, weight = layer.whole(0), layer.arrays["weight"]
    _expect(outputs > 0 and weight.size % (9 * outputs) == 0, layer)
    into[f"{name}.weight"] = torch.from_numpy(weight.reshape(outputs, -1, 3, 3).copy())
    into[f"{name}.bias"] = torch.from_numpy(layer.arrays["bias"].copy())
    return layer.inputs[0]


def _sum(graph: Graph, blob: str, factor: float) -> tuple[str, str]:
    """`factor` times one blob plus another: the two, the one that is multiplied first."""
    layer = graph.maker(blob)
    if layer.kind == "Eltwise" and len(layer.inputs) == 2:
        factors = layer.row(1) or (1.0, 1.0)
        _expect(layer.whole(0) == 1 and len(factors) == 2, layer)
        first, second = layer.inputs
        if abs(factors[0] - factor) < 1e-6 and abs(factors[1] - 1) < 1e-6:
            return first, second
        _expect(abs(factors[1] - factor) < 1e-6 and abs(factors[0] - 1) < 1e-6, layer)
        return second, first
    _expect(layer.kind == "BinaryOp" and layer.whole(0) == _ADD and len(layer.inputs) == 2, layer)
    first, second = layer.inputs
    if factor == 1:
        return first, second
    for scaled, other in ((first, second), (second, first)):
        product = graph.makers.get(graph.origin(scaled))
        if product is not None and product.kind == "BinaryOp" and product.whole(0) == _MULTIPLY and product.whole(1) == 1:
            _expect(abs(product.real(2) - factor) < 1e-6, product)
            return product.inputs[0], other
    raise Other(f"{layer.name} adds without scaling")


def _resize(graph: Graph, blob: str, kind: int) -> tuple[str, float]:
    """An Interp of this kind: its input, and by how much it enlarges."""
    layer = graph.maker(blob)
    _expect(layer.kind == "Interp" and layer.whole(0) == kind and not layer.whole(6), layer)
    _expect(layer.real(1, 1.0) == layer.real(2, 1.0) and not layer.whole(3) and not layer.whole(4), layer)
    return layer.inputs[0], layer.real(1, 1.0)


def _expect(fits: bool, layer: Layer) -> None:
    if not fits:
        raise Other(f"{layer.kind[:40]} {layer.name[:40]} does not belong there")


def _dense_block(graph: Graph, blob: str, name: str, into: Tensors) -> str:
    added, entry = _sum(graph, blob, RESIDUAL)
    entry = graph.origin(entry)
    seen = _concatenated(graph, _convolution(graph, added, f"{name}.conv5", into, slope=None))
    if len(seen) != 5 or seen[0] != entry:
        raise Other("a dense block does not see all that came before")
    for k in range(4, 0, -1):
        before = _convolution(graph, seen[k], f"{name}.conv{k}", into, slope=SLOPE)
        if (_concatenated(graph, before) if k > 1 else [graph.origin(before)]) != seen[:k]:
            raise Other("a dense block does not see all that came before")
    return entry


def _concatenated(graph: Graph, blob: str) -> list[str]:
    layer = graph.maker(blob)
    _expect(layer.kind == "Concat" and layer.whole(0) == 0, layer)
    return [graph.origin(part) for part in layer.inputs]


def _rrdb(graph: Graph) -> Tensors:
    """The tensors of RRDBNet, where the graph is one."""
    into: Tensors = {}
    blob = _convolution(graph, graph.output, "conv_last", into, slope=None)
    blob = _convolution(graph, blob, "conv_hr", into, slope=SLOPE)
    ups: list[Tensors] = []
    while graph.maker(blob).kind in ("Convolution", "ReLU"):
        up: Tensors = {}
        blob, factor = _resize(graph, _convolution(graph, blob, "up", up, slope=SLOPE), _NEAREST)
        if factor != 2:
            raise Other(f"it enlarges by {factor} at once")
        ups.append(up)
    for number, up in enumerate(reversed(ups)):
        into.update({name.replace("up", f"ups.{number}"): tensor for name, tensor in up.items()})
    one, other = _sum(graph, blob, 1)
    for body, first in ((one, other), (other, one)):
        try:
            blocks = list(_blocks(graph, body, first, into))
        except Other:
            continue
        for number, block in enumerate(reversed(blocks)):
            into.update({f"body.{number}.{name}": tensor for name, tensor in block.items()})
        picture = _convolution(graph, first, "conv_first", into, slope=None)
        if graph.origin(picture) != graph.input:
            raise Other("it does not begin with the picture")
        return into
    raise Other("its body is no chain of residual blocks")


def _blocks(graph: Graph, body: str, first: str, into: Tensors) -> Iterator[Tensors]:
    """The blocks of the body, the last one first."""
    blob = graph.origin(_convolution(graph, body, "conv_body", into, slope=None))
    while blob != graph.origin(first):
        block: Tensors = {}
        made, entry = _sum(graph, blob, RESIDUAL)
        for dense in (3, 2, 1):
            made = _dense_block(graph, made, f"rdb{dense}", block)
        if made != graph.origin(entry):
            raise Other("a residual block does not lead back to its beginning")
        yield block
        blob = made


def _compact(graph: Graph) -> tuple[Tensors, int]:
    """The tensors of the compact network and the scale in the end (0: that of its shuffle), where the graph is one."""
    blob, reduced = graph.output, 1.0
    if graph.maker(blob).kind == "Interp":
        blob, reduced = _resize(graph, blob, _BICUBIC)
    one, other = _sum(graph, blob, 1)
    shuffled, copied = (one, other) if graph.maker(other).kind == "Interp" else (other, one)
    picture, grown = _resize(graph, copied, _NEAREST)
    layer = graph.maker(shuffled)
    _expect(layer.kind == "PixelShuffle" and layer.whole(0) == grown and not layer.whole(1), layer)
    if graph.origin(picture) != graph.input:
        raise Other("what is added is not the picture")
    chain: list[Tensors] = [{}]
    blob = _convolution(graph, layer.inputs[0], "", chain[0], slope=None)
    while graph.origin(blob) != graph.input:
        activation = graph.maker(blob)
        _expect(activation.kind == "PReLU", activation)
        chain.append({".weight": torch.from_numpy(activation.arrays["slope"].copy())})
        chain.append({})
        blob = _convolution(graph, activation.inputs[0], "", chain[-1], slope=None)
    scale = grown * reduced
    if scale != int(scale) or scale < 1:
        raise Other(f"it enlarges by {scale}")
    tensors = {f"body.{number}{name}": t for number, part in enumerate(reversed(chain)) for name, t in part.items()}
    return tensors, int(scale) if reduced != 1 else 0


class NCNN:
    """Graphs of ncnn; what comes of them is a model of the family that the graph shows."""

    name = "ncnn"
    title = "ncnn upscaler"

    def recognises(self, contents: Contents) -> bool:
        return contents.format == "ncnn"

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors of the RRDBNet or compact network that the graph shows; `CheckpointError` where it is neither."""
        reasons: list[str] = []
        try:
            tensors, resized = _compact(_graph(contents.tree))
            config = compact.configuration(tensors, resized)
            return compact.card_of(contents, config), fitted(lambda: Compact(config), tensors, compact.WHAT)
        except Other as error:
            reasons.append(f"as a compact network: {error}")
        try:
            tensors = _rrdb(_graph(contents.tree))
            shape = esrgan.configuration(tensors)
            return esrgan.card_of(contents, shape), fitted(lambda: RRDBNet(shape), tensors, esrgan.WHAT)
        except Other as error:
            reasons.append(f"as RRDBNet: {error}")
        raise CheckpointError(
            f"{contents.name} is an ncnn graph of a network that Ganvas does not know.", f"It was read {'; '.join(reasons)}."
        )

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> Any:
        """Cards of these models name the network's own family, so there is nothing to assemble here."""
        raise CheckpointError(f"The card of {card.name} names a file format, ncnn, instead of a network.")


FAMILY = NCNN()
