"""DCGAN's generator (Radford et al., arXiv 1511.06434), in the form of pytorch/examples.

`DCGAN` is the plain network; `FastDCGAN` is the same with batch norms folded, as a latent network: w is z, in one layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from models.networks.unfilled import BatchNorm, ConvTranspose2d, folded
from models.precision import Runtime
from models.steps import Steps


@dataclass(frozen=True)
class DCGANConfig:
    """Shape of the network: numbers of a latent, channels after each layer but the last, channels of the picture (1 or 3)."""

    z_dim: int
    widths: tuple[int, ...]
    channels: int

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels: 4 after the first layer, twice as many after each other."""
        return 4 << len(self.widths)


class DCGAN(nn.Module):
    """Latents `[N, z_dim]` to pictures `[N, channels, resolution, resolution]`, -1..1."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        sizes = (config.z_dim, *config.widths, config.channels)
        self.layers = nn.ModuleList(
            ConvTranspose2d(inputs, outputs, 4, 2 if number else 1, 1 if number else 0, bias=False)
            for number, (inputs, outputs) in enumerate(pairwise(sizes))
        )
        self.norms = nn.ModuleList(BatchNorm(width) for width in config.widths)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = z[:, :, None, None]
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = F.relu(norm(layer(x)))
        return torch.tanh(self.layers[-1](x))


class FastDCGAN:
    """The same network as `models.latent.LatentModel` drives it; a grey picture shows as colour."""

    num_ws, classes = 1, 0
    previews: tuple[int, ...] = ()
    noisy = False

    def __init__(self, config: DCGANConfig, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self.z_dim = self.w_dim = config.z_dim
        self.resolution = config.resolution
        self.layer_sizes: tuple[int, ...] = (config.resolution,)
        self._runtime = runtime
        self._layers: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        for number in range(len(config.widths) + 1):
            weight: torch.Tensor = tensors[f"layers.{number}.weight"].detach().float()
            bias: torch.Tensor | None = None
            if number < len(config.widths):
                norm = {k: tensors[f"norms.{number}.{k}"].float() for k in ("weight", "bias", "running_mean", "running_var")}
                weight, bias = folded(weight, None, norm, transposed=True)
            self._layers.append((self._placed(weight), None if bias is None else self._placed(bias)))

    def average(self) -> torch.Tensor:
        """The mean of all latents is zero."""
        return torch.zeros(self.w_dim, device=self._runtime.device)

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """Nothing lies between z and the generator."""
        return z

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Pictures `[N, 3, resolution, resolution]` of `ws [N, 1, z_dim]`; the network has no noise and no previews."""
        x = ws[:, 0, :, None, None].to(self._runtime.dtype)
        last = len(self._layers) - 1
        for number, (weight, bias) in enumerate(self._layers):
            x = F.conv_transpose2d(x, weight, bias, stride=2 if number else 1, padding=1 if number else 0)
            x = torch.tanh(x.float()) if number == last else F.relu_(x)
            yield
        return x.expand(-1, 3, -1, -1)

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._runtime.device, self._runtime.dtype)
