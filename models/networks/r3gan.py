"""R3GAN (N. Huang et al., arXiv 2501.05441): a plain residual generator without mapping network, noise or modulation.

`R3GAN` is the plain network, for any batch and differentiable; `FastR3GAN` computes the same for one picture at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.errors import CheckpointError
from models.networks.channels_innermost import pointwise
from models.networks.mapping import SLOPE
from models.networks.rows import spans
from models.precision import Runtime
from models.steps import Steps

SMALLEST = 4  # side of the learned basis, in pixels
MOST_STAGES = 10
MOST_BLOCKS = 64
SMALLEST_STRIP = 4


@dataclass(frozen=True)
class StageShape:
    """A stage: channels, those inside its residual blocks, groups of their 3x3 convolution, number of blocks."""

    channels: int
    inside: int
    groups: int
    blocks: int


@dataclass(frozen=True)
class Shape:
    """What tells one R3GAN from another: all of it follows from the tensors. `taps` is the side of the resampling filter."""

    z_dim: int
    stages: tuple[StageShape, ...]
    taps: int
    colours: int = 3
    classes: int = 0
    embedding: int = 0

    @property
    def w_dim(self) -> int:
        """z and the class's embedding side by side."""
        return self.z_dim + self.embedding

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""
        return SMALLEST << (len(self.stages) - 1)

    def to_config(self) -> dict[str, Any]:
        """As a card keeps it."""
        return asdict(self)


def shape_of(tensors: Mapping[str, torch.Tensor]) -> Shape:
    """Deduce the shape from tensors under our names; `CheckpointError` where they are none of this network's."""
    try:
        stages: list[StageShape] = []
        while f"stages.{len(stages)}.blocks.0.first" in tensors and len(stages) <= MOST_STAGES:
            place = f"stages.{len(stages)}.blocks."
            blocks = 0
            while f"{place}{blocks}.first" in tensors and blocks <= MOST_BLOCKS:
                blocks += 1
            inside, channels = tensors[f"{place}0.first"].shape[:2]
            stages.append(StageShape(channels, inside, inside // tensors[f"{place}0.middle"].shape[1], blocks))
        embed = tensors.get("embed.weight")
        embedding, classes = (0, 0) if embed is None else embed.shape
        if not 2 <= len(stages) <= MOST_STAGES or any(s.blocks > MOST_BLOCKS or s.inside % s.groups for s in stages):
            raise ValueError("the stages")
        taps, colours = tensors["kernel"].shape[0], tensors["picture"].shape[0]
        if not 2 <= taps <= 16:
            raise ValueError("the resampling filter")
        return Shape(tensors["mix.weight"].shape[1] - embedding, tuple(stages), taps, colours, classes, embedding)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise CheckpointError("These weights make no R3GAN.", f"What does not fit: {error}.") from error


class Block(nn.Module):
    """`x` plus 1x1, grouped 3x3 and 1x1 convolutions of it, a bias and an activation between."""

    def __init__(self, stage: StageShape) -> None:
        super().__init__()
        self.groups = stage.groups
        self.first = nn.Parameter(torch.empty(stage.inside, stage.channels, 1, 1))
        self.first_bias = nn.Parameter(torch.empty(stage.inside))
        self.middle = nn.Parameter(torch.empty(stage.inside, stage.inside // stage.groups, 3, 3))
        self.middle_bias = nn.Parameter(torch.empty(stage.inside))
        self.last = nn.Parameter(torch.empty(stage.channels, stage.inside, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.leaky_relu(F.conv2d(x, self.first, self.first_bias), SLOPE)
        y = F.leaky_relu(F.conv2d(y, self.middle, self.middle_bias, padding=1, groups=self.groups), SLOPE)
        return x + F.conv2d(y, self.last)


class Stage(nn.Module):
    """Residual blocks at one resolution; `change` brings the channels of the stage before to those of this one."""

    def __init__(self, stage: StageShape, before: int) -> None:
        super().__init__()
        changes = before != stage.channels
        self.register_parameter("change", nn.Parameter(torch.empty(stage.channels, before, 1, 1)) if changes else None)
        self.blocks = nn.ModuleList(Block(stage) for _ in range(stage.blocks))


class R3GAN(nn.Module):
    """The whole network. `kernel [t, t]` (sum 1) is the resampling filter."""

    kernel: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        first = shape.stages[0].channels
        self.embed = nn.Linear(shape.classes, shape.embedding, bias=False) if shape.classes else None
        self.register_buffer("kernel", torch.empty(shape.taps, shape.taps))
        self.basis = nn.Parameter(torch.empty(first, SMALLEST, SMALLEST))
        self.mix = nn.Linear(shape.w_dim, first, bias=False)
        before = (first, *(stage.channels for stage in shape.stages))
        self.stages = nn.ModuleList(Stage(stage, channels) for stage, channels in zip(shape.stages, before, strict=False))
        self.picture = nn.Parameter(torch.empty(shape.colours, shape.stages[-1].channels, 1, 1))

    def latents(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`[N, w_dim]` of `z [N, z_dim]` and a one-hot `label [N, classes]`: side by side."""
        return z if self.embed is None or label is None else torch.cat((z, self.embed(label)), 1)

    def forward(self, w: torch.Tensor) -> torch.Tensor:
        """Picture `[N, colours, R, R]`, nominally -1..1, of `w [N, w_dim]`."""
        x: torch.Tensor = self.basis * self.mix(w)[:, :, None, None]
        for number, stage in enumerate(self.stages):
            assert isinstance(stage, Stage)
            if isinstance(stage.change, torch.Tensor):
                x = F.conv2d(x, stage.change)
            if number:
                x = upsample(x, self.kernel)
            for block in stage.blocks:
                x = block(x)
        return F.conv2d(x, self.picture)


def upsample(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """`[N, C, h, w]` to `[N, C, 2h, 2w]`: zeros put between and filtered, as NVIDIA's `upsample2d` places it."""
    channels, (height, width), taps = x.shape[1], x.shape[2:], kernel.shape[0]
    weight = (4 * kernel).to(x.dtype).expand(channels, 1, -1, -1)
    whole = F.conv_transpose2d(x, weight, stride=2, groups=channels)
    begin = taps - 1 - (taps + 1) // 2
    return whole[:, :, begin : begin + 2 * height, begin : begin + 2 * width]


class FastR3GAN:
    """What `models.latent.LatentModel` drives: one latent a picture, no noise, no average but zero.

    Channels lie innermost, and residual blocks are computed in strips of rows with one row more on each side than is kept.
    """

    previews: tuple[int, ...]
    layer_sizes: tuple[int, ...]
    noisy = False

    def __init__(self, network: R3GAN, runtime: Runtime) -> None:
        shape = network.shape
        self.z_dim, self.w_dim, self.num_ws, self.classes = shape.z_dim, shape.w_dim, 1, shape.classes
        self.resolution, self.previews = shape.resolution, ()
        self.layer_sizes = (shape.resolution,)
        self._plain = network.to(runtime.device)
        self._stages = [_FastStage(stage, runtime.dtype) for stage in network.stages if isinstance(stage, Stage)]

    def average(self) -> torch.Tensor:
        """Zero: truncation makes the latent, and its class with it, smaller."""
        return torch.zeros(self.w_dim, device=self._plain.basis.device)

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`[N, w_dim]`: z and the class's embedding side by side."""
        return self._plain.latents(z, label)

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Pictures `[N, 3, H, W]` in float32, one after the other; see `LatentNetwork`. Grey ones come as colour."""
        pictures = []
        for one in ws:
            pictures.append((yield from self._picture(one[0])))
        return torch.stack(pictures).expand(-1, 3, -1, -1)

    def _picture(self, w: torch.Tensor) -> Steps[torch.Tensor]:
        x = (self._plain.basis * self._plain.mix(w)[:, None, None]).permute(1, 2, 0).contiguous()
        for number, stage in enumerate(self._stages):
            x = stage.entered(x, self._plain.kernel if number else None)
            yield
            for block in stage.blocks:
                x = yield from block.apply(x)
        return pointwise(x.float(), self._plain.picture).permute(2, 0, 1)


class _FastStage:
    def __init__(self, stage: Stage, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._change = stage.change.to(dtype) if isinstance(stage.change, torch.Tensor) else None
        self.blocks = [_FastBlock(block, dtype) for block in stage.blocks if isinstance(block, Block)]

    def entered(self, x: torch.Tensor, kernel: torch.Tensor | None) -> torch.Tensor:
        """`[h, w, C]` of the stage before, with this one's channels and (given the filter) twice the side."""
        x = x.to(self._dtype)
        if self._change is not None:
            x = pointwise(x, self._change)
        if kernel is None:
            return x
        return upsample(x.unsqueeze(0).permute(0, 3, 1, 2), kernel).permute(0, 2, 3, 1).squeeze(0).contiguous()


class _FastBlock:
    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        self._groups = block.groups
        self._first, self._middle, self._last = (weight.to(dtype) for weight in (block.first, block.middle, block.last))
        self._first_bias, self._middle_bias = block.first_bias.to(dtype), block.middle_bias.to(dtype)

    def apply(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """`[h, w, C]` to the same."""
        height = x.shape[0]
        out = torch.empty_like(x)
        for start, stop in spans(height, x.shape[1] * len(self._first_bias), x.device, least=SMALLEST_STRIP):
            top, bottom = max(0, start - 1), min(height, stop + 1)
            y = F.leaky_relu_(pointwise(x[top:bottom], self._first, self._first_bias), SLOPE)
            y = F.conv2d(y.unsqueeze(0).permute(0, 3, 1, 2), self._middle, self._middle_bias, padding=1, groups=self._groups)
            y = F.leaky_relu_(y.permute(0, 2, 3, 1).squeeze(0)[start - top : stop - top], SLOPE)
            torch.add(x[start:stop], pointwise(y, self._last), out=out[start:stop])
            yield
        return out
