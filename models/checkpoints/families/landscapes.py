"""Our own landscape painters, as the training kit exports them: `card.json` and `weights.safetensors`.

The tensors are `generator.*` (models.networks.landscape), `encoder.*`, `features.*` (EfficientNet-lite0 up to stride 16, batch
norms folded) and, where the kit has measured them, `looks.mean`, `looks.deviation` `[photos, style_dim]`: the styles of training
photos, of which a seed draws one; `looks.plain` `[style_dim]` is the one where nobody names any. The card's configuration holds
the generator's shape and the natural edges (models.edges).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from models.card import Card
from models.checkpoints.family import Contents
from models.edges import read_passes
from models.errors import BadInput, CheckpointError
from models.networks.efficientnet_lite import EfficientNetLite
from models.networks.landscape import (
    FoldedGenerator,
    LandscapeConfig,
    LandscapeGenerator,
    StyleEncoder,
    noise_at,
)
from models.painting import PaintingModel
from models.precision import Runtime
from models.steps import Steps

FEATURES_UNTIL = 16
# What is left of the noise where a label stands alone. Noise makes leaves and waves; of a clear sky it makes flecks, in pink
# and black under the looks of an evening, and of a still lake white splashes.
QUIET = {"sky": 0.3, "water": 0.4}
_SMALLEST_PHOTO = 32  # below it the last features have no deviation


class LandscapePainter:
    """The generator with its style encoder, ready to work at one precision."""

    def __init__(
        self,
        config: LandscapeConfig,
        resolution: int,
        tensors: Mapping[str, torch.Tensor],
        runtime: Runtime,
        quiet: Mapping[int, float] | None = None,
    ) -> None:
        """`quiet`: by channel of the shares, what is left of the noise there (1 for those it does not name)."""
        self.style_dim = config.style_dim
        self._loudness = torch.ones(config.labels, device=runtime.device)
        for channel, left in (quiet or {}).items():
            self._loudness[channel] = left
        self._config, self._resolution, self._runtime = config, resolution, runtime
        self._seen_at = resolution / 2 ** (config.pictures - 1)  # side of the photos that the encoder learnt on, in pixels
        generator = LandscapeGenerator(config)
        self._encoder, self._features = StyleEncoder(config.style_dim), EfficientNetLite(FEATURES_UNTIL)
        for prefix, module in (("generator", generator), ("encoder", self._encoder), ("features", self._features)):
            part = {k.removeprefix(f"{prefix}."): v.float() for k, v in tensors.items() if k.startswith(f"{prefix}.")}
            module.load_state_dict({**_counters(module), **part})
            module.to(runtime.device).eval().requires_grad_(False)
        self._generator = FoldedGenerator(generator, runtime.dtype)
        mean = tensors.get("looks.mean")
        self._looks = None if mean is None else (mean.float(), tensors["looks.deviation"].float())
        plain = torch.zeros(config.style_dim) if "looks.plain" not in tensors else tensors["looks.plain"].float()
        self._plain = plain.reshape(1, -1).to(runtime.device)
        self._noise: tuple[tuple[int, int, int, float], list[torch.Tensor]] | None = None

    def working_size(self, height: int, width: int, detail: float = 1) -> tuple[int, int]:
        """About the area the network was taught, the map's shape kept, in whole multiples of what the coarsest level needs; sides
        about `detail` times as long."""
        step = self._config.multiple
        factor = detail * self._resolution / (height * width) ** 0.5
        most = round(4 * detail * self._resolution / step) * step  # a thin strip must not become a long one
        return (
            min(most, max(2 * step, round(height * factor / step) * step)),
            min(most, max(2 * step, round(width * factor / step) * step)),
        )

    def encode(self, photo: torch.Tensor) -> torch.Tensor:
        """Style `[1, style_dim]` of a photo `[1, 3, h, w]`, -1..1; reduced first to the size that the encoder learnt at."""
        height, width = photo.shape[-2:]
        if min(height, width) < _SMALLEST_PHOTO:
            raise BadInput(
                f"A photo of {width} x {height} pixels is too small to give a look.",
                hint=f"It needs {_SMALLEST_PHOTO} on each side.",
            )
        factor = min(1.0, self._seen_at / min(height, width))
        size = (max(_SMALLEST_PHOTO, round(height * factor)), max(_SMALLEST_PHOTO, round(width * factor)))
        if size != (height, width):
            photo = torch.nn.functional.interpolate(photo.float(), size, mode="bilinear", antialias=True)
        photo = photo.float().contiguous(memory_format=torch.channels_last)
        mean, _ = self._encoder(photo, self._features(photo, FEATURES_UNTIL))
        style: torch.Tensor = mean
        return style

    def draw(self, seed: int) -> torch.Tensor:
        """The style of a seed: near that of one training photo where these are known, else unit normal."""
        random = np.random.RandomState(seed % 2**32)
        drawn = torch.from_numpy(random.randn(1, self.style_dim)).float()
        if self._looks is not None:
            mean, deviation = self._looks
            chosen = int(random.randint(len(mean)))
            drawn = mean[chosen] + deviation[chosen] * drawn
        return drawn.to(self._runtime.device)

    def render(self, shares: torch.Tensor, style: torch.Tensor | None, noise_seed: int, detail: float) -> Steps[torch.Tensor]:
        """Picture `[1, 3, h, w]` of shares of the working size for that detail; see `PaintingNetwork`."""
        # Convolutions see zeros beyond the border, which leaves a dark or tinted rim there: so a margin is painted and cut off.
        # Above and below it is narrow, since the network is told how high in the picture a pixel is.
        height = shares.shape[-2]
        step = self._config.multiple
        down, across = round(detail) * step // 2, round(detail) * step
        wider = torch.nn.functional.pad(shares, (across, across, down, down), mode="replicate")
        noise = self._quietened(wider, self._noise_for(wider.shape[-2], wider.shape[-1], noise_seed, detail))
        picture = yield from self._generator.render(wider, self._plain if style is None else style, noise, across)
        return picture[..., down : down + height, :]

    def _noise_for(self, height: int, width: int, seed: int, detail: float) -> list[torch.Tensor]:
        """The noise of a seed at this size; the last is kept, since a stroke asks for it again and again."""
        key = (seed, height, width, detail)
        if self._noise is None or self._noise[0] != key:
            self._noise = None  # where memory is short, those of a larger picture make room first
            drawn = noise_at(self._config, height, width, seed, detail)
            self._noise = (key, [plane.to(self._runtime.device) for plane in drawn])
        return self._noise[1]

    def _quietened(self, shares: torch.Tensor, noise: list[torch.Tensor]) -> list[torch.Tensor]:
        """The planes, two a level from the coarsest, with less of them where quiet labels are."""
        loud = torch.einsum("c,nchw->nhw", self._loudness, shares)[:, None]
        levels = [loud]
        for _ in range(len(noise) // 2 - 1):
            levels.insert(0, torch.nn.functional.avg_pool2d(levels[0], 2))
        return [plane * levels[index // 2] for index, plane in enumerate(noise)]


def _counters(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Batch norms' counts of batches, which say nothing in evaluation and are not stored."""
    return {name: value for name, value in module.state_dict().items() if name.endswith(".num_batches_tracked")}


class Landscapes:
    """Label maps to landscapes, trained by `ganvas train painting`."""

    name = "landscapes"
    title = "Landscape painter of Ganvas"

    def recognises(self, contents: Contents) -> bool:
        return contents.format == "safetensors" and isinstance(contents.tree, dict) and "generator.label_codes" in contents.tree

    def convert(self, contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
        """The card lies beside the weights: labels have names and colours, which no tensor tells."""
        described = contents.siblings.get("card.json")
        if described is None:
            raise CheckpointError(
                f"{contents.name} is a landscape painter of Ganvas without its card.",
                "The names and colours of its labels stand in card.json, which must lie beside it.",
                "Copy card.json into the same folder and try again.",
            )
        card = Card.from_json(described)
        if card.family != self.name:
            raise CheckpointError(f"The card beside {contents.name} is of another family ({card.family}).")
        return replace(card, sha256=contents.sha256), dict(contents.tree)

    def assemble(self, card: Card, tensors: Mapping[str, torch.Tensor], runtime: Runtime) -> PaintingModel:
        config = _checked(card, tensors)
        try:
            edges = read_passes(card.config.get("edges"), {label.name: at for at, label in enumerate(card.labels)})
        except ValueError as error:
            raise CheckpointError(f"The card of {card.name} does not describe natural edges.", f"{error}.") from error
        quiet = {at: QUIET[label.name] for at, label in enumerate(card.labels) if label.name in QUIET}
        return PaintingModel(card, lambda where: LandscapePainter(config, card.resolution, tensors, where, quiet), runtime, edges)


def _checked(card: Card, tensors: Mapping[str, torch.Tensor]) -> LandscapeConfig:
    """The configuration, once every tensor it asks for is there with its shape; `CheckpointError` names the first that is not."""
    try:
        config = LandscapeConfig.from_dict(card.config)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The card of {card.name} does not describe a landscape painter.", f"{error!r}.") from error
    if config.labels != len(card.labels) or not 32 <= card.resolution <= 4096:
        raise CheckpointError(f"The card of {card.name} contradicts itself.", "Its labels or its resolution cannot be.")
    asked: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        parts: dict[str, torch.nn.Module] = {
            "generator": LandscapeGenerator(config),
            "encoder": StyleEncoder(config.style_dim),
            "features": EfficientNetLite(FEATURES_UNTIL),
        }
    for prefix, module in parts.items():
        skipped = _counters(module)
        asked |= {f"{prefix}.{name}": tuple(v.shape) for name, v in module.state_dict().items() if name not in skipped}
    if "looks.mean" in tensors:
        photos = len(tensors["looks.mean"])
        asked |= {"looks.mean": (photos, config.style_dim), "looks.deviation": (photos, config.style_dim)}
    if "looks.plain" in tensors:
        asked["looks.plain"] = (config.style_dim,)
    for name, shape in asked.items():
        found: Any = tensors.get(name)
        if found is None or tuple(found.shape) != shape:
            what = "is missing" if found is None else f"has the shape {list(found.shape)}, not {list(shape)}"
            raise CheckpointError(f"The weights of {card.name} don't fit its card.", f"{name} {what}.")
    return config


FAMILY = Landscapes()
