"""StyleGAN3 for one picture at a time: the plain network's picture without its detours.

Upsampling never filters the zeros between pixels: each of its phases is a depthwise convolution with every second (or fourth)
tap. Channels lie innermost, and a layer is worked through in groups of channels and strips of rows, so that the activation at
its high rate stays in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from models.networks.channels_innermost import pointwise
from models.networks.level import Level
from models.networks.mapping import SLOPE
from models.networks.rows import spans
from models.networks.stylegan3 import Layer, StyleGAN3
from models.precision import Runtime
from models.steps import Steps

GROUP = 64  # output channels that are computed together


class FastStyleGAN3:
    """What `models.latent.LatentModel` drives. There is no noise in this network, and no smaller picture to be had sooner."""

    noisy = False

    def __init__(self, network: StyleGAN3, runtime: Runtime) -> None:
        shape = network.shape
        self.z_dim, self.w_dim, self.num_ws, self.classes = shape.z_dim, shape.w_dim, shape.num_ws, shape.classes
        self.resolution, self.layer_sizes = shape.resolution, shape.layer_sizes
        self.previews: tuple[int, ...] = ()
        self.pictures = (shape.resolution,)
        self._plain = network.to(runtime.device)
        self._scale, self._clamp, self._dtype = shape.scale, shape.clamp, runtime.dtype
        self._layers = [_Filtered(layer, runtime.dtype) for layer in network.layers if isinstance(layer, Layer)]

    def average(self) -> torch.Tensor:
        """The latent that truncation pulls towards, `[w_dim]`."""
        return self._plain.average

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`w [N, w_dim]` of `z [N, z_dim]` and a one-hot `label [N, classes]`; always in float32."""
        w: torch.Tensor = self._plain.mapping.forward(z, label)
        return w

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Pictures `[N, 3, H, W]` in float32, one after the other; see `LatentNetwork`. Grey ones come as colour."""
        pictures = []
        for one in ws:
            pictures.append((yield from self._picture(one)))
        return torch.stack(pictures).expand(-1, 3, -1, -1)

    def levels(self, ws: torch.Tensor, noise: str, noise_seed: int) -> Iterator[Level]:
        """The plain network's, which has no noise; see `DifferentiableNetwork`."""
        return self._plain.levels(ws)

    def _picture(self, ws: torch.Tensor) -> Steps[torch.Tensor]:
        x = self._plain.input.forward(ws[None, 0])[0].permute(1, 2, 0).contiguous().to(self._dtype)
        yield
        for layer, w in zip(self._layers, ws[1:], strict=True):
            x = yield from layer.apply(x, w, self._clamp)
        return x.float().permute(2, 0, 1) * self._scale


class _Filtered:
    """A layer with its filters taken apart."""

    def __init__(self, layer: Layer, dtype: torch.dtype) -> None:
        self._layer = layer
        self._dtype = torch.float32 if layer.shows else dtype
        one = torch.ones(1, device=layer.weight.device)
        up = one if layer.up_filter is None else layer.up_filter
        self._down = one if layer.down_filter is None else layer.down_filter
        self._up, self._by = layer.shape.up, layer.shape.down
        before = layer.padding[0]
        self._phases = [_Phase(up.flip(0) * self._up, self._up, before, number) for number in range(self._up)]
        self._first = min(phase.first for phase in self._phases)
        self._reach = max(phase.first + len(phase.taps) for phase in self._phases) - self._first

    def apply(self, x: torch.Tensor, w: torch.Tensor, clamp: float) -> Steps[torch.Tensor]:
        """`[h, w, C]` to `[size, size, C']`."""
        layer, size = self._layer, self._layer.shape.size
        gain = 1.0 if layer.shows else 2**0.5
        weight = (layer.styled(w[None])[0] * gain).to(self._dtype)
        bias = (layer.bias * gain).to(self._dtype)
        x = x.to(self._dtype)
        yield
        if layer.shows:
            shown = pointwise(x, weight, bias)
            return shown.clamp_(-clamp, clamp) if clamp else shown
        out = x.new_empty(size, size, len(bias))
        for channel in range(0, len(bias), GROUP):
            group = slice(channel, channel + GROUP)
            y = _convolved(x, weight[group], bias[group])
            yield
            wide = self._by * (size - 1) + self._down.shape[-1]
            for start, stop in spans(size, wide * self._by * y.shape[2], x.device, least=self._reach):
                out[start:stop, :, group] = self._rows(y, start, stop, clamp)
                yield
        return out

    def _rows(self, y: torch.Tensor, start: int, stop: int, clamp: float) -> torch.Tensor:
        """Rows `start` to `stop` of the layer: upsampled, activated and downsampled."""
        size, taps = self._layer.shape.size, self._down.shape[0]
        top, bottom = start * self._by, (stop - 1) * self._by + taps
        first, count = top // self._up, math.ceil(bottom / self._up) - top // self._up
        needed = _padded(y, 0, first + self._first, count + self._reach - 1)
        columns = (size - 1) * self._by + taps
        wide = self._raised(needed, 1, 0, math.ceil(columns / self._up))[:, :columns]
        high = self._raised(wide, 0, self._first, count)
        high = high[top - first * self._up : bottom - first * self._up]
        high = F.leaky_relu_(high, SLOPE)
        return self._lowered(high.clamp_(-clamp, clamp) if clamp else high)

    def _raised(self, x: torch.Tensor, axis: int, begin: int, count: int) -> torch.Tensor:
        """Upsample `[h, w, C]` along an axis: `count` pixels of each phase. `begin` is what the first row of `x` stands for."""
        phases = []
        for phase in self._phases:
            offset = phase.first - begin
            need = count + len(phase.taps) - 1
            part = _padded(x, axis, offset, need)
            phases.append(_filtered(part, phase.taps, axis, 1))
        if len(phases) == 1:
            return phases[0]
        return torch.stack(phases, axis + 1).flatten(axis, axis + 1)

    def _lowered(self, x: torch.Tensor) -> torch.Tensor:
        if self._down.ndim == 2:
            kernel = self._down.flip(0, 1).to(x.dtype).expand(x.shape[2], 1, -1, -1)
            y = F.conv2d(x.unsqueeze(0).permute(0, 3, 1, 2), kernel, stride=self._by, groups=x.shape[2])
            return y.permute(0, 2, 3, 1).squeeze(0)
        taps = self._down.flip(0)
        return _filtered(_filtered(x, taps, 0, self._by), taps, 1, self._by)


class _Phase:
    """Every `factor`-th tap of a filter: pixel `number + factor * j` is `taps` over the pixels from `first + j` on."""

    def __init__(self, taps: torch.Tensor, factor: int, before: int, number: int) -> None:
        skipped = (before - number) % factor
        self.taps = taps[skipped::factor]
        self.first = (number + skipped - before) // factor


def _filtered(x: torch.Tensor, taps: torch.Tensor, axis: int, stride: int) -> torch.Tensor:
    """`[h, w, C]` filtered along an axis, every `stride`-th pixel of it."""
    shape, steps = ((-1, 1), (stride, 1)) if axis == 0 else ((1, -1), (1, stride))
    kernel = taps.to(x.dtype).reshape(1, 1, *shape).expand(x.shape[2], -1, -1, -1)
    y = F.conv2d(x.unsqueeze(0).permute(0, 3, 1, 2), kernel, stride=steps, groups=x.shape[2])
    return y.permute(0, 2, 3, 1).squeeze(0)


def _convolved(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Convolution of `[h, w, C]` that keeps all that the kernel touches: `[h + k - 1, w + k - 1, C']`."""
    if weight.shape[-1] == 1:
        return pointwise(x, weight, bias)
    padding = weight.shape[-1] - 1
    y = F.conv2d(x.unsqueeze(0).permute(0, 3, 1, 2), weight.contiguous(memory_format=torch.channels_last), bias, padding=padding)
    return y.permute(0, 2, 3, 1).squeeze(0)


def _padded(x: torch.Tensor, axis: int, first: int, count: int) -> torch.Tensor:
    """`count` rows (or columns) of `[h, w, C]` from `first` on, zeros where there are none."""
    start, stop = max(0, first), min(x.shape[axis], first + count)
    kept = x.narrow(axis, min(start, x.shape[axis]), max(0, stop - start))
    before = max(0, min(count, -first))
    after = count - before - kept.shape[axis]
    if not before and not after:
        return kept
    return F.pad(kept, (0, 0, 0, 0, before, after) if axis == 0 else (0, 0, before, after))
