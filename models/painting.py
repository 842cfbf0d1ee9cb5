"""A model that paints: a label map and a look in, a photo-like picture of the map's size out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.at_once import Limit
from models.card import Card, Label
from models.checkpoints.family import PaintingNetwork, to_picture
from models.detail import PICTURES_UNTIL_FINER
from models.edges import Pass, natural_edges
from models.errors import BadInput
from models.labels import check_label_map, label_shares
from models.precision import Precise, Runtime
from models.running import finite_or_again, piece_of_work
from models.steps import Steps, drain

Picture = NDArray[np.uint8]
Style = int | NDArray[np.floating[Any]] | NDArray[np.uint8] | None


class PaintingModel:
    """A painter of label maps (SPADE, or our own landscape generator).

    A style is None (the model's plain look), a seed, a style vector float `[style_dim]`, or a photo uint8 `[h, w, 3]` whose
    look is taken over where the model has an encoder. The same map, style and `noise_seed` give the same picture.
    With `natural_edges` strokes get the outline of what they stand for, where the model has `edges` (see `models.edges`).
    `detail_limit` is for who paints finer than it was taught: what this device's memory was seen to hold.
    """

    def __init__(
        self,
        card: Card,
        build: Callable[[Runtime], PaintingNetwork],
        runtime: Runtime,
        edges: Sequence[Pass] = (),
    ) -> None:
        self.card = card
        self.detail_limit = Limit[float](PICTURES_UNTIL_FINER)
        self._edges = tuple(edges)
        self._precise = Precise(build, runtime)
        self._ids = [label.id for label in card.labels]
        self._unlabelled: int | None = card.config.get("unlabelled")

    @property
    def runtime(self) -> Runtime:
        """Where the network runs, and in which number format."""
        return self._precise.runtime

    @property
    def labels(self) -> tuple[Label, ...]:
        """What can be painted, in the order of the network's channels."""
        return self.card.labels

    @property
    def style_dim(self) -> int:
        """Length of a style vector; 0 where the model has one look only."""
        return self._precise.network.style_dim

    def working_size(self, height: int, width: int, detail: float = 1) -> tuple[int, int]:
        """Height and width in pixels at which the network paints a map of this size: about `detail` times what it was taught."""
        return self._precise.network.working_size(height, width, detail)

    def paint(self, label_map: Picture, style: Style = None, noise_seed: int = 0, *, natural_edges: bool = True) -> Picture:
        """The picture uint8 `[H, W, 3]` of a label map uint8 `[H, W]` (255: unlabelled). `BadInput`, `BadPicture`."""
        return drain(self.paint_steps(label_map, style, noise_seed, natural_edges=natural_edges))

    def paint_steps(
        self,
        label_map: Picture,
        style: Style = None,
        noise_seed: int = 0,
        *,
        natural_edges: bool = True,
        own_size: bool = False,
        detail: float = 1,
    ) -> Steps[Picture]:
        """`paint` in pieces, at `detail` times the taught size (see `models.detail`: not every network can).

        With `own_size` the picture has the size the network worked at, for an upscaler to enlarge.
        """
        rgb = yield from self._render(label_map, style, noise_seed, natural_edges, detail)
        with piece_of_work():
            return to_picture(rgb[0] if own_size else enlarge(rgb, *np.shape(label_map))[0])

    def synthesize(
        self, label_map: Picture, style: Style = None, noise_seed: int = 0, *, natural_edges: bool = True
    ) -> NDArray[np.float32]:
        """As `paint`, as float32 `[3, H, W]`, nominally -1..1 and neither clamped nor rounded."""
        rgb = drain(self._render(label_map, style, noise_seed, natural_edges, 1))
        with piece_of_work():
            result: NDArray[np.float32] = enlarge(rgb, *np.shape(label_map))[0].cpu().numpy()
        return result

    def style_vector(self, style: Style) -> NDArray[np.float32] | None:
        """The vector float32 `[style_dim]` that a style stands for (None: None): encode a photo once, paint many times."""
        found = self._style(self._precise.network, style)
        return None if found is None else found[0].float().cpu().numpy()

    def _render(self, label_map: Picture, style: Style, noise_seed: int, natural: bool, detail: float) -> Steps[torch.Tensor]:
        checked = check_label_map(label_map, self._ids)
        size = self.working_size(checked.shape[0], checked.shape[1], detail)
        with piece_of_work():
            shares = torch.from_numpy(label_shares(checked, self._ids, size, self._unlabelled))
            if natural and self._edges:
                shares = natural_edges(shares, self._edges, noise_seed, detail)
            shares = shares.unsqueeze(0).to(self.runtime.device)
        yield
        return (yield from finite_or_again(self._precise, partial(self._look_and_render, shares, style, noise_seed, detail)))

    def _look_and_render(
        self, shares: torch.Tensor, style: Style, noise_seed: int, detail: float, network: PaintingNetwork
    ) -> Steps[torch.Tensor]:
        found = self._style(network, style)
        yield
        return (yield from network.render(shares, found, noise_seed, detail)).float()

    def _style(self, network: PaintingNetwork, style: Style) -> torch.Tensor | None:
        if style is None:
            return None
        if not network.style_dim:
            raise BadInput("This model has one look only.", "Its network takes no style.", "Paint without a look.")
        with piece_of_work():
            if isinstance(style, (int, np.integer)):
                return network.draw(int(style))
            given = np.asarray(style)
            if given.dtype == np.uint8 and given.ndim == 3 and given.shape[2] == 3 and 0 not in given.shape:
                photo = torch.from_numpy(np.array(given)).permute(2, 0, 1).unsqueeze(0)
                return network.encode(photo.to(self.runtime.device).float() / 127.5 - 1)
            if given.dtype.kind == "f" and given.size == network.style_dim and np.isfinite(given).all():
                return torch.from_numpy(given.astype(np.float32).reshape(1, -1)).to(self.runtime.device)
        raise BadInput(
            f"This is no look: {given.dtype} {list(given.shape)}.",
            hint=f"A look is a seed, {network.style_dim} finite numbers, or a photo uint8 [height, width, 3].",
        )


def enlarge(rgb: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """`[1, 3, h, w]` brought plainly to `[1, 3, height, width]`: bicubic, averaged where it becomes smaller."""
    if rgb.shape[-2:] == (height, width):
        return rgb
    return F.interpolate(rgb, (height, width), mode="bicubic", align_corners=False, antialias=True)
