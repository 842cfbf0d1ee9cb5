"""What judges made pictures in the latent recipe: small heads on frozen features, and one on the pixels.

The features are mixed at random across channels and scales, which keeps a critic from looking at one of them alone (Projected
GAN, arXiv 2111.01007). The mixing stays as it was drawn; the heads alone learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrizations import spectral_norm

from models.networks.efficientnet_lite import CHANNELS

WIDTHS = {4: 64, 8: 96, 16: 128, 32: 192}  # stride -> channels after the mixing
SEEN = 128  # px; smaller pictures are brought to this side before the trunk sees them


class Mixing(nn.Module):
    """Features `{stride: [N, CHANNELS, h, w]}` to as many mixed ones, by stride; nothing here learns."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.ModuleDict({str(s): nn.Conv2d(CHANNELS[s], width, 1, bias=False) for s, width in WIDTHS.items()})
        self.bring = nn.ModuleDict(
            {str(s): nn.Conv2d(WIDTHS[2 * s], width, 1, bias=False) for s, width in WIDTHS.items() if 2 * s in WIDTHS}
        )
        self.mix = nn.ModuleDict({str(s): nn.Conv2d(width, width, 3, 1, 1, bias=False) for s, width in WIDTHS.items()})
        for name, conv in self.named_modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight, a=0.0 if name.startswith("narrow") else 1.0)
        self.requires_grad_(False)

    def forward(self, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
        mixed: dict[int, Tensor] = {}
        x: Tensor | None = None
        for stride in reversed(WIDTHS):
            own: Tensor = self.narrow[str(stride)](features[stride]) / math.sqrt(2)
            if x is not None:
                coarser = interpolate(self.bring[str(stride)](x), scale_factor=2, mode="bilinear")
                own = (own + coarser) / math.sqrt(2)
            x = self.mix[str(stride)](own)
            mixed[stride] = x
        return mixed


class Critic(nn.Module):
    """Logits of mixed features, one map a head; with `pixels` of the pixels too.

    `steady`: spectral norms and batch norms, as hinge wants them. Losses with gradient penalties have their own way of keeping
    the critic from running off, and go without.
    """

    def __init__(self, steady: bool, pixels: bool) -> None:
        super().__init__()
        self.mixing = Mixing()

        def conv(inside: int, outside: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Module:
            made = nn.Conv2d(inside, outside, kernel, stride, padding)
            return spectral_norm(made) if steady else made

        def block(inside: int, outside: int, kernel: int, stride: int) -> list[nn.Module]:
            norm = [nn.BatchNorm2d(outside)] if steady else []
            return [conv(inside, outside, kernel, stride, 1), *norm, nn.LeakyReLU(0.2)]

        self.heads = nn.ModuleDict(
            {
                "4": nn.Sequential(*block(WIDTHS[4], 96, 4, 2), *block(96, 128, 4, 2), conv(128, 1, 4)),
                "8": nn.Sequential(*block(WIDTHS[8], 128, 4, 2), conv(128, 1, 4)),
                "16": nn.Sequential(*block(WIDTHS[16], 128, 3, 1), conv(128, 1, 4)),
                "32": nn.Sequential(*block(WIDTHS[32], 192, 3, 1), conv(192, 1, 4)),
            }
        )
        fine = [conv(3, 32, 4, 2, 1), nn.LeakyReLU(0.2), *block(32, 64, 4, 2), *block(64, 64, 3, 1), conv(64, 1, 3)]
        self.fine = nn.Sequential(*fine) if pixels else None

    def learning(self) -> list[nn.Parameter]:
        """The parameters that are trained."""
        return [*self.heads.parameters(), *(self.fine.parameters() if self.fine is not None else ())]

    def views(self, pictures: Tensor, features: Mapping[int, Tensor]) -> list[Tensor]:
        """What the learning part sees of pictures `[N, 3, H, W]` and their features: mixed features, then the pixels."""
        return [*self.mixing(features).values(), *(() if self.fine is None else (pictures,))]

    def forward(self, views: list[Tensor]) -> list[Tensor]:
        """Logits `[N, 1, h, w]` in float32, of each head."""
        heads = [self.heads[str(stride)] for stride in reversed(WIDTHS)] + ([] if self.fine is None else [self.fine])
        return [head(x).float() for head, x in zip(heads, views, strict=True)]
