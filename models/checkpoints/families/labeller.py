"""Our own labellers of photos, as `ganvas train labelling` exports them: `card.json` and `weights.safetensors`.

The tensors are `features.*` (EfficientNet-lite0, batch norms folded) and `decoder.*` (models.networks.labeller). The labels, in
the order of the channels, stand in the card.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import fitted
from models.errors import CheckpointError
from models.labelling import LONGEST_RATIO, LabellingModel
from models.networks.labeller import Labeller
from models.precision import Runtime
from models.steps import Steps

WHAT = "labeller of Ganvas"
_MULTIPLE = 32  # the coarsest features lie this far apart
_SMALLEST, _LARGEST = 64, 1024  # of the short side at which photos are looked at


class PhotoLabeller:
    """The network, ready to work at one precision; photos are looked at with a short side of `resolution` pixels."""

    def __init__(self, labels: int, resolution: int, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self._resolution, self._runtime = resolution, runtime
        network = Labeller(labels)
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        network.requires_grad_(False).eval()
        self._network = network.to(runtime.device, runtime.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """As large as the training photos were, the shape kept, in whole multiples of the coarsest features' distance."""
        factor = self._resolution / min(height, width)
        most = int(LONGEST_RATIO) * self._resolution
        return _whole(height * factor, most), _whole(width * factor, most)

    def logits(self, photo: torch.Tensor) -> Steps[torch.Tensor]:
        """The mean over the photo and its mirror image, which is right more often than either."""
        x = photo.to(self._runtime.dtype).contiguous(memory_format=torch.channels_last)
        features = self._network.features(x)
        yield
        total: torch.Tensor = self._network.decoder(features).float()
        yield
        features = self._network.features(x.flip(3))
        yield
        total = total + self._network.decoder(features).float().flip(3)
        return total / 2


def _whole(side: float, most: int) -> int:
    return min(most, max(_MULTIPLE, round(side / _MULTIPLE) * _MULTIPLE))


class Labellers:
    """Photos to label maps, trained by `ganvas train labelling`."""

    name = "labeller"
    title = "Labeller of Ganvas"

    def recognises(self, contents: Contents) -> bool:
        return contents.format == "safetensors" and isinstance(contents.tree, dict) and "decoder.says.weight" in contents.tree

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """One with its card is a model of ours and is never converted; without it nobody knows what its labels are called."""
        raise CheckpointError(
            f"{contents.name} is a labeller of Ganvas without its card.",
            "The names and colours of its labels stand in card.json, which must lie beside it.",
            "Copy card.json into the same folder and try again.",
        )

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> LabellingModel:
        says = tensors.get("decoder.says.weight")
        labels = 0 if says is None else len(says)
        if labels != len(card.labels) or not labels or not _SMALLEST <= card.resolution <= _LARGEST:
            raise CheckpointError(f"The card of {card.name} does not fit its weights.", "Its labels or its resolution cannot be.")
        checked = fitted(lambda: Labeller(labels), tensors, WHAT)
        return LabellingModel(card, lambda where: PhotoLabeller(labels, card.resolution, checked, where), runtime)


FAMILY = Labellers()
