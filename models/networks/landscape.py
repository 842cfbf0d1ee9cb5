"""The landscape generator: a label map and a style become a photo-like picture, by looking modulation up per label.

Ideas: CLADE (arXiv 2012.04644: SPADE's modulation without its convolutions), BicycleGAN (arXiv 1711.11586: a style encoder
and styles found again), StyleGAN2's sum of pictures over levels (arXiv 1912.04958).

`LandscapeGenerator` is the plain network that is trained. `FoldedGenerator` is the same function for inference: batch norms
and the per-pixel scale and shift become one table a layer and style, applied by one small matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.efficientnet_lite import CHANNELS
from models.steps import Steps

PLACE = 3  # planes that say where a pixel is: height, its square, nearness of an edge between labels
_EDGE_LEVEL = 2  # the level whose shares tell the edges
_SLOPE = 0.2
_ENCODER_STRIDES = (4, 8, 16)
# Columns at either side of a picture that every level computes and cuts off, where sides are asked for. Zeros beyond the border
# spoil three columns of the coarsest level (three convolutions); of twice as many columns a level above half are cut off: with
# six, what is spoilt never comes nearer than three to the picture, at no level.
_ASIDE = 6


@dataclass(frozen=True)
class LandscapeConfig:
    """Shape of the generator. Level i works at 2**i times the base size and has `channels[i]` channels.

    `pictures` is the number of top levels that add to the picture: with 2, the level below the top gives a whole picture of
    half the size and the top adds detail to it. `soften` blurs the shares of the top level by a pixel, which takes the rim off
    the borders of hard maps.
    """

    labels: int
    channels: tuple[int, ...] = (256, 192, 128, 64, 32)
    style_dim: int = 32
    embedding: int = 96
    pictures: int = 1
    soften: bool = False

    @property
    def multiple(self) -> int:
        """Sides of a map must be multiples of this many pixels (at least four pixels of the level that tells the edges)."""
        return int(2 ** (len(self.channels) - 1))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LandscapeConfig:
        """Read back `to_dict`; KeyError, TypeError or ValueError where something is missing or cannot be."""
        config = cls(
            labels=int(raw["labels"]),
            channels=tuple(int(c) for c in raw["channels"]),
            style_dim=int(raw["style_dim"]),
            embedding=int(raw["embedding"]),
            pictures=int(raw["pictures"]),
            soften=bool(raw["soften"]),
        )
        if not 3 <= len(config.channels) <= 10 or not all(1 <= c <= 4096 for c in config.channels):
            raise ValueError(f"channels {config.channels}")
        if not (1 <= config.labels <= 255 and 1 <= config.style_dim <= 4096 and 1 <= config.embedding <= 4096):
            raise ValueError("labels, style_dim or embedding out of range")
        if not 1 <= config.pictures <= len(config.channels):
            raise ValueError(f"pictures {config.pictures}")
        return config


@dataclass(frozen=True)
class Window:
    """A square part of a picture, in pixels of the level below the top: what the top level is trained on at a time."""

    top: int
    left: int
    side: int
    margin: int = 2  # computed around it and cut off: as far as the top level's three convolutions look

    def cut(self, x: Tensor, factor: int) -> Tensor:
        """The window with its margin (as far as `x` goes), `factor` times as large as at the level below the top."""
        top, left = max(0, self.top - self.margin), max(0, self.left - self.margin)
        bottom, right = self.top + self.side + self.margin, self.left + self.side + self.margin
        return x[..., top * factor : bottom * factor, left * factor : right * factor]

    def rows(self, x: Tensor, factor: int) -> Tensor:
        """As `cut`, of `x [..., H, 1]`."""
        return x[..., max(0, self.top - self.margin) * factor : (self.top + self.side + self.margin) * factor, :]

    def trim(self, x: Tensor, factor: int) -> Tensor:
        """Cut the margin off what `cut` gave."""
        top, left = min(self.margin, self.top) * factor, min(self.margin, self.left) * factor
        return x[..., top : top + self.side * factor, left : left + self.side * factor]


def label_planes(
    shares: Tensor, config: LandscapeConfig, levels: int | None = None, window: Window | None = None
) -> list[Tensor]:
    """What each level is told of each pixel, coarse to fine: `[N, labels + PLACE, h, w]` of shares `[N, labels, H, W]`.

    `levels` counts from the coarsest (None: all); the shares have the size of the finest of them. With `window`, the top
    level's planes are those of the window and its margin alone.
    """
    n = shares.shape[0]
    deepest = len(config.channels) - 1
    count = deepest + 1 if levels is None else levels
    pyramid = [shares]
    for _ in range(count - 1):
        pyramid.insert(0, F.avg_pool2d(pyramid[0], 2))
    at_edge = pyramid[_EDGE_LEVEL].float()
    edge = F.avg_pool2d(1 - (at_edge * at_edge).sum(1, keepdim=True), 3, 1, 1)
    edge = F.interpolate(edge, shares.shape[-2:], mode="bilinear")
    planes: list[Tensor] = []
    for level in range(count):
        part = 2 ** (count - 1 - level)
        here, near = pyramid[level], edge if part == 1 else F.avg_pool2d(edge, part)
        rows = _rows(here.shape[-2], 2 ** (deepest - level), shares.device)
        if level == deepest and window is not None:
            here, near, rows = window.cut(here, 2), window.cut(near, 2), window.rows(rows, 2)
        if level == deepest and config.soften:
            here = F.avg_pool2d(F.pad(here, (1, 1, 1, 1), mode="replicate"), 3, 1)
        place = rows.expand(n, -1, -1, here.shape[-1])
        whole = torch.cat([here, place.to(here.dtype), near.to(here.dtype)], 1)
        planes.append(whole.contiguous(memory_format=torch.channels_last))
    return planes


def _rows(height: int, part: int, device: torch.device) -> Tensor:
    """Height and its square less a half, `[1, 2, height, 1]`: the means over `part` rows each of -1..1 over the full picture."""
    full = height * part
    step = 2 / (full - 1)
    y = step * (part * torch.arange(height, dtype=torch.float32, device=device) + (part - 1) / 2) - 1
    square = y * y + step * step * (part * part - 1) / 12
    return torch.stack([y, square - 0.5]).view(1, 2, height, 1)


def noise_planes(config: LandscapeConfig, height: int, width: int, seed: int) -> list[Tensor]:
    """Two planes of unit normal noise a level, `[1, 1, h, w]` float32, of a picture `height` x `width`: the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    planes = []
    for level in range(len(config.channels)):
        part = 2 ** (len(config.channels) - 1 - level)
        for _ in range(2):
            planes.append(torch.randn(1, 1, height // part, width // part, generator=generator))
    return planes


_OF_TAUGHT = (0.8, 0.8, 0.6, 0.3)  # shares, by level from the coarsest, of noise as large as it was taught; none of the finer


def noise_at(config: LandscapeConfig, height: int, width: int, seed: int, detail: float) -> list[Tensor]:
    """`noise_planes` for a picture `height` x `width` painted at about `detail` times the taught size.

    Noise of the coarse levels makes crags and drifts: at twice the size they would be half as large against the picture, and
    cliffs and forests would look woven. So much of it is noise of about the taught size, enlarged: the finer picture is also
    like the quick one then, and not only in what the map says.
    """
    planes = noise_planes(config, height, width, seed)
    if detail == 1:
        return planes
    step = config.multiple
    taught_height, taught_width = (max(step, round(side / detail / step) * step) for side in (height, width))
    taught = noise_planes(config, taught_height, taught_width, seed)
    for level, share in enumerate(_OF_TAUGHT[: len(config.channels)]):
        for index in (2 * level, 2 * level + 1):
            large = F.interpolate(taught[index], planes[index].shape[-2:], mode="bilinear")
            large = large / large.std().clamp(min=1e-3)
            planes[index] = math.sqrt(share) * large + math.sqrt(1 - share) * planes[index]
    return planes


class LabelModulation(nn.Module):
    """Normalises over the batch, then scales and shifts each pixel by what its label, the style and its place say."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False, momentum=0.05)
        self.look_up = nn.Linear(embedding, 2 * channels)
        self.place = nn.Linear(PLACE, 2 * channels, bias=False)
        if not self.look_up.weight.is_meta:  # where only shapes are wanted it would import torch's compiler
            nn.init.normal_(self.look_up.weight, 0, 0.5 / math.sqrt(embedding))
        nn.init.zeros_(self.look_up.bias)
        nn.init.zeros_(self.place.weight)

    def weights(self, table: Tensor) -> Tensor:
        """What turns planes into scale and shift, `[N, labels + PLACE, 2C]`, of a table `[N, labels, embedding]`."""
        by_place = self.place.weight.t().expand(table.shape[0], -1, -1)
        return torch.cat([self.look_up(table), by_place.to(table.dtype)], 1)

    def forward(self, x: Tensor, planes: Tensor, table: Tensor) -> Tensor:
        """`x [N, C, h, w]`, planes `[N, labels + PLACE, h, w]`, table `[N, labels, embedding]` to `[N, C, h, w]`."""
        n, _, h, w = x.shape
        rows = planes.permute(0, 2, 3, 1).reshape(n, h * w, -1)
        weights = self.weights(table).to(rows.dtype).chunk(2, 2)  # here, not behind the product: whole planes are quicker
        scale, shift = (torch.bmm(rows, part).view(n, h, w, -1).permute(0, 3, 1, 2) for part in weights)
        normal = self.norm(x)
        return torch.addcmul(normal + shift, normal, scale)


class LandscapeBlock(nn.Module):
    """Two modulated 3x3 convolutions with noise, and a way around them."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.modulation1 = LabelModulation(channels_in, embedding)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, 1, 1)
        self.modulation2 = LabelModulation(channels_out, embedding)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1)
        self.skip = nn.Conv2d(channels_in, channels_out, 1, bias=False) if channels_in != channels_out else None
        self.noise1 = nn.Parameter(torch.randn(1, channels_out, 1, 1).mul_(0.1))  # in place: cheap where only shapes are wanted
        self.noise2 = nn.Parameter(torch.randn(1, channels_out, 1, 1).mul_(0.1))

    def forward(self, x: Tensor, planes: Tensor, table: Tensor, noise: tuple[Tensor, Tensor]) -> Tensor:
        y = self.conv1(F.leaky_relu(self.modulation1(x, planes, table), _SLOPE))
        y = torch.addcmul(y, self.noise1.to(y.dtype), noise[0].to(y.dtype))
        y = self.conv2(F.leaky_relu(self.modulation2(y, planes, table), _SLOPE))
        y = torch.addcmul(y, self.noise2.to(y.dtype), noise[1].to(y.dtype))
        return y + (x if self.skip is None else self.skip(x))


class PictureHead(nn.Module):
    """Features of a level to its part of the picture, before the squashing."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.modulation = LabelModulation(channels, embedding)
        self.conv = nn.Conv2d(channels, 3, 3, 1, 1)

    def forward(self, x: Tensor, planes: Tensor, table: Tensor) -> Tensor:
        rgb: Tensor = self.conv(F.leaky_relu(self.modulation(x, planes, table), _SLOPE))
        return rgb.float()


class LandscapeGenerator(nn.Module):
    """The network as it is trained; in evaluation the reference that `FoldedGenerator` is held to."""

    def __init__(self, config: LandscapeConfig) -> None:
        super().__init__()
        self.config = config
        channels, embedding = config.channels, config.embedding
        self.label_codes = nn.Parameter(torch.randn(config.labels, embedding))
        self.mixer = nn.Sequential(
            nn.Linear(embedding + config.style_dim, 2 * embedding),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(2 * embedding, embedding),
            nn.LeakyReLU(_SLOPE),
        )
        self.start = nn.Conv2d(config.labels + PLACE, channels[0], 3, 1, 1)
        self.start_style = nn.Linear(config.style_dim, channels[0])
        ins = (channels[0], *channels[:-1])
        self.blocks = nn.ModuleList(LandscapeBlock(i, o, embedding) for i, o in zip(ins, channels, strict=True))
        self.heads = nn.ModuleList(PictureHead(c, embedding) for c in channels[-config.pictures :])
        for head in list(self.heads)[1:]:
            nn.init.zeros_(head.conv.weight)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(head.conv.bias)  # type: ignore[union-attr, arg-type]

    def table(self, style: Tensor) -> Tensor:
        """What each label means under this style, `[N, labels, embedding]` of `[N, style_dim]`."""
        n = style.shape[0]
        codes = self.label_codes[None].expand(n, -1, -1)
        mixed: Tensor = self.mixer(torch.cat([codes, style[:, None].expand(-1, codes.shape[1], -1)], 2))
        return mixed

    def pictures(
        self,
        shares: Tensor,
        style: Tensor,
        noise: Sequence[Tensor] | None = None,
        levels: int | None = None,
        window: Window | None = None,
    ) -> list[Tensor]:
        """Pictures `[N, 3, h, w]`, -1..1, of the levels that have one, coarse to fine.

        `shares [N, labels, H, W]` at the size of the finest level wanted, `style [N, style_dim]`; `noise` as `noise_planes`
        gives it, drawn anew where None. `levels` stops early; `window` computes the top level in that part alone.
        """
        table = self.table(style)
        planes = label_planes(shares, self.config, levels, window)
        count = len(planes)
        first_head = len(self.blocks) - len(self.heads)
        x = self.start(planes[0]) + self.start_style(style)[:, :, None, None]
        rgb: Tensor | None = None
        found = []
        for i in range(count):
            here = planes[i]
            cut = window if i == len(self.blocks) - 1 else None
            if cut is not None:
                x = cut.cut(x, 1)
                rgb = None if rgb is None else cut.cut(rgb, 1)
            if i:
                x = F.interpolate(x, scale_factor=2, mode="bilinear")
                rgb = None if rgb is None else F.interpolate(rgb, scale_factor=2, mode="bilinear")
            if noise is None:
                size = (x.shape[0], 1, *x.shape[2:])
                pair = (torch.randn(size, dtype=x.dtype, device=x.device), torch.randn(size, dtype=x.dtype, device=x.device))
            else:
                pair = (noise[2 * i], noise[2 * i + 1])
            x = self.blocks[i](x, here, table, pair)
            if i >= first_head:
                part = self.heads[i - first_head](x, here, table)
                rgb = part if rgb is None else rgb + part
                found.append(torch.tanh(rgb if cut is None else cut.trim(rgb, 2)))
        return found

    def forward(self, shares: Tensor, style: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """The finest picture `[N, 3, H, W]`, -1..1."""
        return self.pictures(shares, style, noise)[-1]


class StyleEncoder(nn.Module):
    """The style of a photo, from means and deviations of its features and its pixels."""

    def __init__(self, style_dim: int) -> None:
        super().__init__()
        described = 2 * (sum(CHANNELS[s] for s in _ENCODER_STRIDES) + 3)
        self.net = nn.Sequential(nn.Linear(described, 256), nn.LeakyReLU(_SLOPE), nn.Linear(256, 2 * style_dim))
        last = self.net[2]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.bias)
        last.weight.data *= 0.3

    def forward(self, photo: Tensor, features: Mapping[int, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log variance, `[N, style_dim]` each, of photos `[N, 3, H, W]` and their features by stride."""
        described = []
        for x in (*(features[s] for s in _ENCODER_STRIDES), photo):
            x = x.float()
            described += [x.mean((2, 3)), x.std((2, 3))]
        mean, log_variance = self.net(torch.cat(described, 1)).float().chunk(2, 1)
        return mean, log_variance.clamp(-6, 2)


class FoldedGenerator:
    """The generator in evaluation, rearranged for speed: one matrix product and one multiply-add a modulation.

    With shares that sum to 1, `norm`, `1 + scale` and `shift` of a layer are one table of the style: its rows are folded once
    a style and kept, so that a stroke pays for pixels alone.
    """

    def __init__(self, network: LandscapeGenerator, dtype: torch.dtype) -> None:
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dtype = dtype
        self._convs = {
            name: (module.weight.to(dtype), None if module.bias is None else module.bias.to(dtype))
            for name, module in self.network.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        self._last: tuple[Tensor, dict[str, Tensor]] | None = None  # a style and its tables

    def _tables(self, style: Tensor) -> dict[str, Tensor]:
        """The tables of a style. A picture keeps those it began with: another may be made by turns with it."""
        if self._last is not None and torch.equal(style, self._last[0]):
            return self._last[1]
        tables: dict[str, Tensor] = {}
        table = self.network.table(style)
        for name, module in self.network.named_modules():
            if isinstance(module, LabelModulation):
                scale, shift = module.weights(table)[0].chunk(2, 1)
                mean, variance = module.norm.running_mean, module.norm.running_var
                assert mean is not None
                assert variance is not None
                labels = self.network.config.labels
                scale = torch.cat([scale[:labels] + 1, scale[labels:]]) / torch.sqrt(variance + module.norm.eps)
                tables[name] = torch.cat([scale, shift - mean * scale], 1).to(self.dtype)
        self._last = (style.clone(), tables)
        return tables

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._convs[name]
        return F.conv2d(x, weight, bias, 1, weight.shape[2] // 2)

    def _modulate(self, table: Tensor, x: Tensor, planes: Tensor) -> Tensor:
        scale, shift = (planes.permute(0, 2, 3, 1) @ table).permute(0, 3, 1, 2).chunk(2, 1)
        return F.leaky_relu_(torch.addcmul(shift, x, scale), _SLOPE)

    def render(self, shares: Tensor, style: Tensor, noise: Sequence[Tensor], aside: int = 0) -> Steps[Tensor]:
        """Picture `[1, 3, H, W]` float32, -1..1; yields after every level. `shares`, `style`, `noise` as the reference takes.

        Of `shares` and `noise`, `aside` columns at either side (whole ones of the coarsest level) only surround the picture,
        which comes without them. With any, it is as if what lies at its sides went on for ever: no zeros are seen there.
        """
        tables = self._tables(style)
        deepest = len(self.network.config.channels) - 1
        beside = _ASIDE if aside else 0
        planes = [p.to(self.dtype) for p in label_planes(shares, self.network.config)]
        planes = [_with_aside(p, aside >> (deepest - level), beside) for level, p in enumerate(planes)]
        first_head = len(self.network.blocks) - len(self.network.heads)
        x = self._conv("start", planes[0]) + self.network.start_style(style)[:, :, None, None].to(self.dtype)
        rgb: Tensor | None = None
        for i, block in enumerate(self.network.blocks):
            name = f"blocks.{i}"
            if i:
                x = _enlarged(x, beside)
                rgb = None if rgb is None else _enlarged(rgb, beside)
            noise1, noise2 = (
                _with_aside(plane, aside >> (deepest - i), beside).to(self.dtype) for plane in noise[2 * i : 2 * i + 2]
            )
            y = self._conv(f"{name}.conv1", self._modulate(tables[f"{name}.modulation1"], x, planes[i]))
            y = torch.addcmul(y, block.noise1.to(self.dtype), noise1)
            y = self._conv(f"{name}.conv2", self._modulate(tables[f"{name}.modulation2"], y, planes[i]))
            y = torch.addcmul(y, block.noise2.to(self.dtype), noise2)
            x = y + (x if block.skip is None else self._conv(f"{name}.skip", x))
            if i >= first_head:
                head = f"heads.{i - first_head}"
                part = self._conv(f"{head}.conv", self._modulate(tables[f"{head}.modulation"], x, planes[i])).float()
                rgb = part if rgb is None else rgb + part
            yield
        assert rgb is not None
        return torch.tanh(_with_aside(rgb, beside, 0))


def _enlarged(x: Tensor, beside: int) -> Tensor:
    """`x` for the next level: twice as large, but for the `beside` columns at either side, which stay as many."""
    return _with_aside(F.interpolate(x, scale_factor=2, mode="bilinear"), 2 * beside, beside)


def _with_aside(x: Tensor, now: int, wanted: int) -> Tensor:
    """`x [N, C, h, w]`, which has `now` columns beside the picture at either side, with `wanted` ones: the last is repeated."""
    if wanted > now:
        return F.pad(x, (wanted - now, wanted - now, 0, 0), mode="replicate")
    return x if wanted == now else x[..., now - wanted : wanted - now]
