"""The differentiable way into a generator: from latents to pictures and hidden states, with gradients back to the latents.

    way = way_into(model)                     # where `has_way_in(model)`
    ws = torch.tensor(start, requires_grad=True)
    for level in way.levels(ws):              # from coarse to fine; nothing beyond the last one that is asked for is computed
        if level.side == 32:
            features = level.hidden
    picture = way.picture(ws, 128)

The networks are the plain ones, in float32; a test of each holds the fast one to it. What is computed here is no piece of
`models.running.piece_of_work`, which keeps no gradients: see `piece_with_gradients`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from models.checkpoints.family import DifferentiableNetwork
from models.errors import BadInput
from models.latent import LatentModel
from models.networks.level import Level
from models.running import memory_said


class WayIn:
    """See the module. `num_ws`, `w_dim`, `resolution`, `layer_sizes` are the model's.

    `pictures` are the sides of the pictures that can be had, ascending; the last is `resolution`, smaller ones are early exits
    or estimates.
    """

    def __init__(self, network: DifferentiableNetwork, device: torch.device) -> None:
        self._network, self.device = network, device
        self.num_ws, self.w_dim = network.num_ws, network.w_dim
        self.resolution, self.layer_sizes, self.pictures = network.resolution, network.layer_sizes, network.pictures

    @property
    def average(self) -> torch.Tensor:
        """The latent `[w_dim]` that truncation pulls towards."""
        return self._network.average().detach().float()

    def levels(self, ws: torch.Tensor, noise: str = "const", noise_seed: int = 0) -> Iterator[Level]:
        """From coarse to fine, of `ws [N, num_ws, w_dim]` float32 on `device`; noise as for `LatentModel.synthesize`.

        Several levels may have one side (StyleGAN3): the last of them is the one that the next side is made from.
        """
        if ws.ndim != 3 or ws.shape[1:] != (self.num_ws, self.w_dim):
            raise BadInput(
                f"These latents do not fit this model: {list(ws.shape)}.", hint=f"It takes {['N', self.num_ws, self.w_dim]}."
            )
        return self._network.levels(ws, noise, noise_seed)

    def picture(self, ws: torch.Tensor, side: int | None = None, noise: str = "const", noise_seed: int = 0) -> torch.Tensor:
        """Picture `[N, 3, side, side]`, nominally -1..1; `side` is one of `pictures` (None: the largest)."""
        wanted = side or self.resolution
        for level in self.levels(ws, noise, noise_seed):
            if level.show is not None and level.shows == wanted:
                return level.show()
        raise BadInput(f"This model makes no pictures of {wanted} px.", hint=f"It makes {self.pictures} px.")


def has_way_in(model: LatentModel) -> bool:
    """Whether gradients lead through this model's family; not where one latent is all that a picture is made of."""
    return isinstance(model.network, DifferentiableNetwork)


def way_into(model: LatentModel) -> WayIn:
    """The differentiable way into this model. `BadInput` where there is none."""
    network = model.network
    if not isinstance(network, DifferentiableNetwork):
        raise BadInput(
            f"{model.card.title} cannot look for a picture.", "Its latents are not told apart by layers.", "Choose a StyleGAN."
        )
    return WayIn(network, model.runtime.device)


@contextmanager
def piece_with_gradients() -> Iterator[None]:
    """One piece of work whose gradients are kept; a full memory is `OutOfMemory`."""
    with memory_said(), torch.enable_grad():
        yield
