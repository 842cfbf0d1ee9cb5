"""A finished run as a model of Ganvas: card, weights in float16, sample sheet, in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from models.card import Card
from models.catalogue import CARD, SHEET, WEIGHTS
from models.checkpoints.families.landscapes import FEATURES_UNTIL
from models.edges import passes_for
from models.errors import BadInput
from models.networks.efficientnet_lite import EfficientNetLite
from models.training.labelled import square
from models.training.painting import PaintingRun, batches, to_tensor

_LOOKS = 256  # photos whose styles travel with a painter: what a seed draws from


def check_place(folder: Path) -> None:
    """`BadInput` where a model cannot be written into `folder` without taking the place of something that is none."""
    if folder.is_dir() and not (folder / CARD).is_file() and any(folder.iterdir()):
        what = f"{folder} holds other things than a model, and a model would take their place."
        raise BadInput(what, hint="Name a folder that is new or empty.")
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file, and a model is a folder.", hint="Give it another name.")


def write_model(folder: Path, card: Card, tensors: Mapping[str, Tensor], sheet: bytes | None) -> None:
    """Write a model folder as the catalogue reads it, in place of one that was there before; floats become float16.

    `BadInput` where there is something else. The one before stays until the new one is complete.
    """
    check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    writing = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    made, before = writing / "made", writing / "before"
    made.mkdir()
    try:
        halves = {k: (v.half() if v.is_floating_point() else v).detach().cpu().contiguous().clone() for k, v in tensors.items()}
        save_file(halves, made / WEIGHTS)
        (made / WEIGHTS).chmod(0o644)
        (made / CARD).write_text(card.to_json() + "\n", encoding="utf-8")
        if sheet is not None:
            (made / SHEET).write_bytes(sheet)
        made.chmod(0o755)
        if folder.exists():
            os.rename(folder, before)
        try:
            os.rename(made, folder)
        except BaseException:  # Ctrl-C too: what is in `writing` is deleted
            if before.exists():
                os.rename(before, folder)
            raise
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def painter_tensors(run: PaintingRun) -> dict[str, Tensor]:
    """All tensors of a painter, as `models.checkpoints.families.landscapes` names them."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("generator", run.averaged), ("encoder", run.encoder)):
        tensors |= {f"{prefix}.{k}": v for k, v in module.state_dict().items() if not k.endswith(".num_batches_tracked")}
    trunk = run.trunk.state_dict()
    tensors |= {f"features.{name}": trunk[name] for name in EfficientNetLite(FEATURES_UNTIL).state_dict()}
    mean, deviation = painter_looks(run)
    plain = mean[int((mean - mean.mean(0)).pow(2).sum(1).argmin())]
    return {**tensors, "looks.mean": mean, "looks.deviation": deviation, "looks.plain": plain}


def painter_looks(run: PaintingRun) -> tuple[Tensor, Tensor]:
    """Styles of training photos that lie far apart, mean and deviation, `[photos, style_dim]` each.

    Chosen one after the other, each the farthest from those before among a random draw, so that rare lights are there too.
    """
    side, found = run.options.native, []
    for some in batches(list(run.data.train), 32):
        photos = to_tensor([square(run.data.photos[i], run.data.maps[i], side)[0] for i in some], run.device)
        found.append(run.look_of(photos if side == run.options.size else F.avg_pool2d(photos, 2)))
    mean, deviation = (torch.cat(parts).cpu() for parts in zip(*found, strict=True))
    generator = torch.Generator().manual_seed(run.options.seed)
    chosen = [int((mean - mean.mean(0)).pow(2).sum(1).argmin())]
    distance = (mean - mean[chosen[0]]).pow(2).sum(1)
    while len(chosen) < min(_LOOKS, len(mean)):
        draw = torch.randint(len(mean), (16,), generator=generator)
        chosen.append(int(draw[distance[draw].argmax()]))
        distance = torch.minimum(distance, (mean - mean[chosen[-1]]).pow(2).sum(1))
    return mean[chosen], deviation[chosen]


def painter_card(run: PaintingRun, card: Card) -> Card:
    """`card` with what the run knows itself: family, shape, labels, size, and how long it was trained."""
    steps = f"{run.seen:,} pictures seen, batches of {run.options.batch}"
    return replace(
        card,
        task="painting",
        family="landscapes",
        config={**run.config.to_dict(), "edges": passes_for([label.name for label in run.data.labels])},
        labels=run.data.labels,
        resolution=run.options.native,
        recipe=f"{card.recipe} {steps}.".strip(),
    )
