"""The border between files and networks.

    file --reader--> Contents --Family.convert--> (Card, tensors) --Family.assemble--> model

`convert` maps a published spelling onto the names of our own network and deduces the configuration from tensor shapes; what
it returns is exactly what the catalogue stores (safetensors and card), so `assemble` serves both a file that was just read
and a model of the catalogue. A family is registered in `models.checkpoints.recognise`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from models.card import Card
    from models.networks.level import Level
    from models.precision import Runtime
    from models.steps import Steps


@dataclass(frozen=True, eq=False)
class Contents:
    """What a reader found in a file: inert data, nothing of it was run.

    `format` is the container ("torch zip", "torch legacy", "pickle", "safetensors", "ncnn", "openvino"), `tree` what it holds:
    dicts, lists, numbers, strings, torch tensors and inert records of a pickle. `name` is the file's name without folders,
    `siblings` the bytes of files beside it that were read (`opt.txt` ...), `sha256` that of the file's own bytes.
    """

    format: str
    tree: Any
    name: str
    sha256: str = ""
    siblings: Mapping[str, bytes] = field(default_factory=dict)


class Family(Protocol):
    """One published kind of network."""

    name: str
    title: str

    def recognises(self, contents: Contents) -> bool:
        """True where these contents are of this family, supported or not. Looks, changes nothing.

        Raises nothing of its own; what it looks with refuses tensors that are larger than the file.
        """
        ...

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors under our names. `CheckpointError` names family and reason; `NeedsAnswer` asks what is not said."""
        ...

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> Any:
        """A LatentModel, PaintingModel, UpscalingModel, TranslationModel or LabellingModel.

        `CheckpointError` where the tensors don't fit.
        """
        ...


class PaintingNetwork(Protocol):
    """What `models.painting.PaintingModel` drives: SPADE and the landscape generator stand behind it.

    Steps of several pictures are taken by turns, here and in all other networks: what belongs to a picture under way is
    never kept on the network.
    """

    style_dim: int

    def working_size(self, height: int, width: int, detail: float = 1) -> tuple[int, int]:
        """The size in pixels at which the network paints a map of this size: as taught, the map's shape kept if it can. About
        `detail` times that: 1, or for networks that can paint finer what `models.detail` says."""
        ...

    def encode(self, photo: torch.Tensor) -> torch.Tensor:
        """Style vector `[1, style_dim]` of a photo `[1, 3, h, w]`, -1..1. `BadInput` where the model has no encoder."""
        ...

    def draw(self, seed: int) -> torch.Tensor:
        """Style vector `[1, style_dim]` of a seed."""
        ...

    def render(self, shares: torch.Tensor, style: torch.Tensor | None, noise_seed: int, detail: float) -> Steps[torch.Tensor]:
        """Picture `[1, 3, h, w]`, -1..1, of label shares `[1, labels, h, w]` (each pixel sums to 1) of the working size.

        `style` None is the model's plain look. Noise is a fixed plane drawn from `noise_seed`: the same in, the same out.
        """
        ...


class LatentNetwork(Protocol):
    """What `models.latent.LatentModel` drives: MobileStyleGAN, StyleGAN2, StyleGAN3 and kin stand behind it. `noisy` where noise
    makes part of its pictures: there `noise` and `noise_seed` have a meaning."""

    z_dim: int
    w_dim: int
    num_ws: int
    classes: int
    resolution: int
    previews: tuple[int, ...]
    layer_sizes: tuple[int, ...]
    noisy: bool

    def average(self) -> torch.Tensor:
        """The latent that truncation pulls towards, `[w_dim]`."""
        ...

    def map(self, z: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """`w [N, w_dim]` of `z [N, z_dim]`, before truncation; `label` is one-hot `[N, classes]` or None."""
        ...

    def synthesize(self, ws: torch.Tensor, noise: str, noise_seed: int, resolution: int | None) -> Steps[torch.Tensor]:
        """Picture `[N, 3, H, W]`, about -1..1, of `ws [N, num_ws, w_dim]`; `resolution` one of `previews` is an early exit."""
        ...


@runtime_checkable
class DifferentiableNetwork(LatentNetwork, Protocol):
    """A `LatentNetwork` that gradients go through. See `models.latents.gradients`.

    `pictures` are the sides of the pictures that its levels show, ascending; the last is `resolution`.
    """

    pictures: tuple[int, ...]

    def levels(self, ws: torch.Tensor, noise: str, noise_seed: int) -> Iterator[Level]:
        """The way from `ws [N, num_ws, w_dim]` to the picture, level by level, in float32 whatever the network's precision."""
        ...


def to_picture(rgb: torch.Tensor) -> NDArray[np.uint8]:
    """`[3, H, W]`, nominally -1..1, to a picture uint8 `[H, W, 3]`: clamped, rounded to the nearest level."""
    picture: NDArray[np.uint8] = (
        ((rgb.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    )
    return picture
