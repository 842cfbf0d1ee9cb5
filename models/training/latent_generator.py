"""The generator of the latent recipe: a narrow StyleGAN2 of architecture skip, trained in the very form that it is shipped in.

`models.networks.stylegan2` is written to be read; here the same layers are computed with fewer passes over the pictures, in
any number format. Published code multiplies weights by constants at run time to balance how fast they learn; Adam's steps do
not depend on a gradient's scale, so a rate of its own for each kind of tensor does the same (`learning_groups`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.mapping import SLOPE
from models.networks.stylegan2 import EPSILON, FILTER_TAPS, SMALLEST, Layer, PictureLayer, Shape, StyleGAN2, blur, upsample

# Parts of the rate. Latents should not move faster than what reads them; colours and biases shift whole pictures at once.
_PARTS = (("mapping.", 0.02), ("style.", 0.5), ("pictures.", 0.25), ("bias", 0.25))
_GAIN = 2**0.5
_GRAIN_FROM = 32  # px; what is coarser is the face itself
_GRAIN_SEED = 5


def new_generator(shape: Shape) -> StyleGAN2:
    """A network at the beginning; levels above the first show nothing yet, so that one can join later without a jolt."""
    network = StyleGAN2(shape)
    torch.nn.init.normal_(network.start)
    network.average.zero_()
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    assert len(taps) == FILTER_TAPS
    network.kernel.copy_(torch.outer(taps, taps) / taps.sum() ** 2)
    for linear in network.mapping.layers:
        assert isinstance(linear, torch.nn.Linear)
        torch.nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        torch.nn.init.zeros_(linear.bias)
    for layer in network.layers:
        assert isinstance(layer, Layer)
        torch.nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
        torch.nn.init.zeros_(layer.bias)
        _style(layer)
        layer.noise.zero_()
        layer.strength.zero_()
    for level, layer in network.pictures.items():
        assert isinstance(layer, PictureLayer)
        std = 0.3 * layer.weight[0].numel() ** -0.5 if level == "0" else 0.0
        torch.nn.init.normal_(layer.weight, std=std)
        torch.nn.init.zeros_(layer.bias)
        _style(layer)
    return network


def learning_groups(network: StyleGAN2, rate: float) -> list[dict[str, Any]]:
    """Adam's parameter groups: the rate of a weight goes with its size at the beginning, as with published gains."""
    by_rate: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        own = rate * next((part for start, part in _PARTS if start in name), 1.0)
        if name.endswith("weight"):
            own *= parameter[0].numel() ** -0.5
        by_rate.setdefault(own, []).append(parameter)
    return [{"params": parameters, "lr": own, "full": own} for own, parameters in by_rate.items()]


def give_grain(network: StyleGAN2, strength: float) -> None:
    """Give the layers of fine detail noise of this strength, always the same: what a model shows by itself.

    Without noise a generator has to paint the grain of photos from its latents, and puts it into the same places every time.
    """
    draw = torch.Generator().manual_seed(_GRAIN_SEED)
    for layer in network.layers:
        assert isinstance(layer, Layer)
        side = layer.noise.shape[-1]
        layer.noise.copy_(torch.randn(side, side, generator=draw))
        layer.strength.fill_(strength if side >= _GRAIN_FROM else 0.0)


def drawn_grain(network: StyleGAN2, count: int) -> list[Tensor | None]:
    """Noise `[count, 1, side, side]` for each layer that has any, drawn anew, strength included."""
    planes: list[Tensor | None] = []
    for layer in network.layers:
        assert isinstance(layer, Layer)
        side, strength = layer.noise.shape[-1], float(layer.strength)
        planes.append(torch.randn(count, 1, side, side).to(layer.noise.device) * strength if strength else None)
    return planes


def synthesize(network: StyleGAN2, ws: Tensor, levels: int, grain: Sequence[Tensor | None] | None = None) -> Tensor:
    """Pictures `[N, colours, side, side]` of the first `levels` levels, of `ws [N, num_ws, w_dim]`.

    `grain` is noise for each 3x3 layer or None, `[side, side]` or one a picture, `[N, 1, side, side]`, strength included.
    """
    dtype = torch.get_autocast_dtype(ws.device.type) if torch.is_autocast_enabled(ws.device.type) else ws.dtype
    kernel = network.kernel.to(dtype)
    layers: list[Any] = list(network.layers)
    x = network.start.to(dtype).expand(len(ws), -1, -1, -1).contiguous(memory_format=torch.channels_last)
    planes = [None] * len(layers) if grain is None else grain
    x = _layer(layers[0], x, ws[:, 0], kernel, planes[0])
    picture = _shown(network.pictures["0"], x, ws[:, 1])
    for level in range(1, levels):
        first = 2 * level - 1
        x = _layer(layers[first], x, ws[:, first], kernel, planes[first])
        x = _layer(layers[first + 1], x, ws[:, first + 1], kernel, planes[first + 1])
        picture = upsample(picture, kernel) + _shown(network.pictures[str(level)], x, ws[:, first + 2])
    return picture


def is_of_last_level(name: str, shape: Shape) -> bool:
    """Whether a parameter of this name belongs to the level of the finest pictures."""
    last = len(shape.channels) - 1
    return name.startswith((f"layers.{2 * last - 1}.", f"layers.{2 * last}.", f"pictures.{last}."))


def levels_of(side: int) -> int:
    """How many levels make pictures of `side` pixels."""
    return (side // SMALLEST).bit_length()


def _style(layer: Layer | PictureLayer) -> None:
    torch.nn.init.normal_(layer.style.weight, std=layer.style.in_features**-0.5)
    torch.nn.init.ones_(layer.style.bias)


def _layer(layer: Layer, x: Tensor, w: Tensor, kernel: Tensor, grain: Tensor | None) -> Tensor:
    """One modulated 3x3 layer; demodulation, bias and gain in one pass."""
    style = layer.style(w)
    with torch.autocast(x.device.type, enabled=False):
        full = style.float()
        outside = torch.rsqrt(full.square() @ layer.weight.square().sum((2, 3)).T + EPSILON) * _GAIN
        bias = (layer.bias * _GAIN).to(x.dtype)[None, :, None, None]
    x = x * style.to(x.dtype)[:, :, None, None]
    if layer.up:
        x = blur(F.conv_transpose2d(x, layer.weight.transpose(0, 1), stride=2), kernel)
    else:
        x = F.conv2d(x, layer.weight, padding=1)
    x = torch.addcmul(bias, x, outside.to(x.dtype)[:, :, None, None])
    if grain is not None:
        x.add_(grain.to(x.dtype), alpha=_GAIN)
    activated: Tensor = F.leaky_relu(x, SLOPE)
    return activated


def _shown(layer: Any, x: Tensor, w: Tensor) -> Tensor:
    """Colours of a hidden state: the style goes into the small weight of each picture instead of the state."""
    count, channels, height, width = x.shape
    weight = layer.weight[None, :, :, 0, 0].to(x.dtype) * layer.style(w).to(x.dtype)[:, None]
    rows = x.permute(0, 2, 3, 1).reshape(count, height * width, channels)
    shown: Tensor = torch.bmm(rows, weight.transpose(1, 2)) + layer.bias.to(x.dtype)
    return shown.reshape(count, height, width, -1).permute(0, 3, 1, 2)
