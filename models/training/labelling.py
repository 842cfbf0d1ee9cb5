"""The labelling recipe: from photos with label maps to a labeller, for repainting photos and for judging painted pictures.

It shares the frozen features with the painting recipe's critic, but none of what the critic learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.labeller import LabelDecoder
from models.training.augment import draw
from models.training.labelled import LabelledPhotos, square
from models.training.metrics import Agreement, Say, agreement_of
from models.training.painting import to_shares, to_tensor
from models.training.painting_batches import sampling_chances
from models.training.resuming import ResumableRun, placed
from models.training.state import State

if TYPE_CHECKING:
    from models.card import Label
    from models.labelling import LabellingModel

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class LabellingOptions:
    """How a labeller is trained; the rate falls along half a cosine until `pictures` were seen. `open_only` learns from openly
    licensed photos alone."""

    size: int = 256
    batch: int = 16
    rate: float = 1e-3
    pictures: int = 20_000
    seed: int = 0
    open_only: bool = False


class LabellingRun(ResumableRun):
    """All that changes while a labeller is trained."""

    options: LabellingOptions

    def __init__(
        self, data: LabelledPhotos, trunk: EfficientNetLite, options: LabellingOptions, device: torch.device, bfloat16: bool
    ) -> None:
        torch.manual_seed(options.seed)
        self.data, self.options, self.device, self.bfloat16 = data, options, device, bfloat16
        self.trunk = placed(trunk, device)
        self.decoder = placed(LabelDecoder(len(data.labels)), device)
        self.optimiser = torch.optim.AdamW(self.decoder.parameters(), options.rate, weight_decay=0.01)
        self.seen = 0
        self.random = np.random.default_rng(options.seed)
        self._chances = sampling_chances(data.shares()[list(data.train)])

    def step(self) -> dict[str, float]:
        """One step on a batch; what to write into the log."""
        options = self.options
        for group in self.optimiser.param_groups:
            group["lr"] = options.rate * max(0.02, 0.5 + 0.5 * math.cos(math.pi * min(1, self.seen / options.pictures)))
        chosen = self.random.choice(len(self.data.train), options.batch, p=self._chances)
        photos, shares = self._squares([self.data.train[int(at)] for at in chosen], self.random)
        photos = draw(options.batch, 0.5, self.device).coloured(photos)
        logits = self._logits(photos)
        loss = -(F.log_softmax(logits.float(), 1) * F.avg_pool2d(shares, 4)).sum(1).mean()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.seen += options.batch
        return {"entropy": float(loss.detach())}

    def says(self, picture: Pixels) -> Pixels:
        """Channel numbers `[H, W]` of a picture uint8 `[H, W, 3]`, as the decoder stands; sides are multiples of 32."""
        with torch.no_grad():
            photo = to_tensor([picture], self.device)
            logits = F.interpolate(self._logits(photo).float(), photo.shape[-2:], mode="bilinear")
        numbers: Pixels = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        return numbers

    def begin_from(self, state: State) -> None:
        """Start anew with the decoder of another run."""
        self.decoder.load_state_dict(state["networks"]["decoder"])

    def networks(self) -> dict[str, nn.Module]:
        return {"decoder": self.decoder}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"decoder": self.optimiser}

    def _logits(self, photos: Tensor) -> Tensor:
        with self.autocast():
            with torch.no_grad():
                features = self.trunk(photos)
            logits: Tensor = self.decoder(features)
        return logits

    def _squares(self, indices: list[int], random: np.random.Generator | None) -> tuple[Tensor, Tensor]:
        pairs = [square(self.data.photos[i], self.data.maps[i], self.options.size, random, zoom=0.7) for i in indices]
        maps = np.stack([numbers for _, numbers in pairs])
        shares = to_shares(maps, len(self.data.labels), 1, self.device, torch.float32)
        return to_tensor([pixels for pixels, _ in pairs], self.device), shares


def as_now(state: State) -> State:
    """A labeller's state, also where it was written when it had one network and one optimiser, not some of each by name."""
    if "networks" in state:
        return state
    return {**state, "networks": {"decoder": state["decoder"]}, "optimisers": {"decoder": state["optimiser"]}}


def held_out_agreement(data: LabelledPhotos, side: int, says: Say, indices: tuple[int, ...]) -> Agreement:
    """Agreement of `says(picture) -> channel numbers` with the maps of these photos, in middle squares of `side` pixels."""
    return agreement_of((square(data.photos[i], data.maps[i], side) for i in indices), says, len(data.labels))


def channels_of(model: LabellingModel, labels: tuple[Label, ...], speck: float = 0) -> Say:
    """A labelling model as a function to channel numbers of `labels`, found by name; a judge leaves specks as they are.

    KeyError where the model says a label that is not among them.
    """
    numbers = {label.name: k for k, label in enumerate(labels)}
    table = np.zeros(256, np.uint8)
    for label in model.labels:
        table[label.id] = numbers[label.name]
    return lambda picture: table[model.label(picture, speck)]
