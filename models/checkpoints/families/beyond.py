"""Upscalers and restorers of the many kinds that the package spandrel knows, where it is installed (extra `spandrel`).

spandrel's own loader reads files in ways that may run what stands in them; it never sees the file. It is handed the state dict
that our reader found, and only tells the architecture and builds the network.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from models.card import Card
from models.checkpoints.family import Contents
from models.checkpoints.state_dicts import Tensors, state_dict
from models.checkpoints.upscaler_cards import upscaler_card
from models.errors import CheckpointError
from models.extras import how_to_add
from models.precision import Runtime
from models.steps import Steps
from models.upscaling import UpscalingModel

if TYPE_CHECKING:
    from spandrel import Architecture, ImageModelDescriptor

LARGEST = 8  # times the file's own tensors: a network is made once, filled once, and has numbers that no file holds (masks)
SPARE = 256 << 20


class ForeignUpscaler:
    """A network of spandrel behind our protocol. It cannot be cut into pieces, so its tiles are small."""

    tile = 128

    def __init__(self, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> None:
        self._described = _described(dict(tensors))
        self._runtime = runtime
        self._described.model.to(runtime.device, torch.float32).eval().requires_grad_(False)
        self.channels_in, self.scale = self._described.input_channels, self._described.scale
        wanted = self._described.size_requirements
        self.multiple = max(1, wanted.multiple_of)
        self.overlap = -(-max(16, wanted.minimum) // self.multiple) * self.multiple
        self._square = wanted.square

    def enlarge(self, x: torch.Tensor) -> Steps[torch.Tensor]:
        """As `UpscalingNetwork` says; a network that wants squares gets the picture carried on by its edge."""
        height, width = x.shape[-2:]
        if self._square:
            side = max(height, width)
            x = torch.nn.functional.pad(x, (0, side - width, 0, side - height), mode="replicate")
        yield
        made: torch.Tensor = self._described.model(x.to(self._runtime.device))
        return made[:, :, : height * self.scale, : width * self.scale].float()


class Beyond:
    """Architectures that Ganvas has no network of its own for."""

    name = "spandrel"
    title = "Architecture of spandrel"

    def recognises(self, contents: Contents) -> bool:
        """Whether spandrel is installed and knows these names."""
        if not _installed():
            return False
        found = state_dict(contents)
        return bool(found) and _architecture(found) is not None

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """Card and tensors, under the names they were published with."""
        found = state_dict(contents)
        described = _described(found)
        if described.input_channels != described.output_channels or described.input_channels not in (1, 3):
            raise CheckpointError(
                f"This {described.architecture.name} model cannot be used.",
                f"It takes {described.input_channels} channels and makes {described.output_channels}.",
            )
        config = {"architecture": str(described.architecture.id)}
        told = f"{described.architecture.name}, x{described.scale} ({', '.join(described.tags)})."
        card = upscaler_card(contents, self.name, config, described.scale, told)
        return card, found

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> UpscalingModel:
        if not _installed():
            raise CheckpointError(
                f"{card.title} is a model of the kind {card.config.get('architecture', 'spandrel')}.",
                "Ganvas opens it with the package spandrel, which is not installed.",
                how_to_add("spandrel"),
            )
        return UpscalingModel(card, lambda where: ForeignUpscaler(tensors, where), runtime)


FAMILY = Beyond()


class _Bounded(TorchFunctionMode):
    """Within it torch makes no more than so many bytes of tensors; `CheckpointError` before the first one beyond is written to.

    How large a network is follows from the file's tensors, but by spandrel's rules, not by ours. Memory that nobody has written
    to costs nothing yet, so it is early enough to look at a tensor that has just been made.
    """

    def __init__(self, left: int) -> None:
        super().__init__()
        self._left = left
        self._known: set[int] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            storage = result.untyped_storage()
            if storage.data_ptr() not in self._known:
                self._known.add(storage.data_ptr())
                self._left -= storage.nbytes()
                if self._left < 0:
                    raise CheckpointError(
                        "This file is damaged or malicious.", "The network it describes is far larger than the file."
                    )
        return result


def _installed() -> bool:
    return all(importlib.util.find_spec(package) is not None for package in ("spandrel", "torchvision"))


def _architecture(found: Tensors) -> Architecture | None:
    """The first architecture whose names these are; None where there is none."""
    from spandrel import MAIN_REGISTRY

    for support in MAIN_REGISTRY.architectures("detection"):
        if support.architecture.detect(dict(found)):
            return support.architecture
    return None


def _described(found: Tensors) -> ImageModelDescriptor:
    """spandrel's description of the network, with the network in it. `CheckpointError` where there is none for pictures."""
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    stored = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    try:
        with _Bounded(LARGEST * stored + SPARE):
            described = ModelLoader(device="cpu").load_from_state_dict(dict(found))
    except UnsupportedModelError as error:
        raise CheckpointError("This model is of a kind that spandrel does not know.", str(error)[:200]) from error
    if not isinstance(described, ImageModelDescriptor):
        raise CheckpointError(f"This {described.architecture.name} model needs more than a picture.", "Ganvas cannot drive it.")
    return described
