"""The whole job of the labelling recipe, as a command line or a window calls it; see `jobs.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.card import Card
from models.checkpoints.families.labeller import FAMILY
from models.labelling import SPECK
from models.precision import Runtime
from models.training import export
from models.training.jobs import Place
from models.training.labelled import read_labelled, square
from models.training.labelling import LabellingOptions, LabellingRun, as_now, channels_of, held_out_agreement
from models.training.loop import Report, Schedule, train
from models.training.resuming import begun_alike, begun_state, options_of, same_labels, state_alike, telling_licences
from models.training.sheets import coloured, spread, webp
from models.training.state import State
from models.training.trunk import read_trunk

_ROWS = 16


def open_labelling(
    data: Path, out: Path, options: LabellingOptions, place: Place, begin_from: Path | None = None
) -> LabellingRun:
    """A labelling run that stands where `out` left it, or at the decoder of `begin_from`, or at the beginning.

    A run that was begun keeps its options; `options` are those of a new one. `BadInput` where data or states cannot be used, or
    where the run was begun with another size, or with or without photos that are not open otherwise than `options`.
    """
    state = begun_state(out)
    if state is not None:
        asked, options = options, options_of(LabellingOptions, telling_licences(state, options.open_only), out)
        begun_alike(options, asked, ("size", "open_only"), out)
    photos = read_labelled(data, out.parent / "cache" / data.name, options.open_only)
    device, bfloat16 = place.chosen()
    run = LabellingRun(photos, read_trunk(), options, device, bfloat16)
    if state is not None:
        run.restore(_fitting(state, run))
    elif begin_from is not None:
        run.begin_from(_fitting(state_alike(LabellingOptions, begin_from), run))
    return run


def _fitting(state: State, run: LabellingRun) -> State:
    """The state, as it is written now; `BadInput` where it is of another number of labels."""
    found = as_now(state)
    same_labels(len(found["networks"]["decoder"]["says.weight"]), len(run.data.labels))
    return found


def train_labelling(run: LabellingRun, out: Path, schedule: Schedule) -> Iterator[Report]:
    """Train until the schedule ends, with sheets of held-out photos in `out`."""

    def sheet(path: Path) -> None:
        Image.fromarray(labelled_sheet(run)).save(path)

    return train(run, out, schedule, sheet)


def export_labelling(run: LabellingRun, card: Card, folder: Path) -> None:
    """Write the run's labeller as a model of Ganvas into `folder`, with its sample sheet and what it says of held-out photos."""
    tensors = {f"features.{name}": value for name, value in run.trunk.state_dict().items()}
    tensors |= {f"decoder.{name}": value for name, value in run.decoder.state_dict().items()}
    steps = f"{run.seen:,} squares of {run.options.size} pixels seen, batches of {run.options.batch}"
    described = replace(
        card,
        task="labelling",
        family="labeller",
        config={"labels": len(run.data.labels)},
        labels=run.data.labels,
        resolution=run.options.size,
        recipe=f"{card.recipe} {steps}.".strip(),
    )
    model = FAMILY.assemble(described, tensors, Runtime(run.device, torch.float32))
    says = channels_of(model, run.data.labels, SPECK)
    found = held_out_agreement(run.data, run.options.size, says, run.data.held_out)
    figures = {
        f"pixels_as_in_{len(run.data.held_out)}_held_out_maps": round(found.pixels, 3),
        "mean_over_labels": round(found.mean_label, 3),
    }
    described = replace(described, metrics={**card.metrics, **figures})
    export.write_model(folder, described, tensors, webp(labelled_sheet(run)))


def labelled_sheet(run: LabellingRun, side: int = 128) -> NDArray[np.uint8]:
    """Held-out photos, two in a row: photo, its map, what the labeller says."""
    cells = []
    for i in spread(run.data.held_out, _ROWS):
        photo, numbers = square(run.data.photos[i], run.data.maps[i], run.options.size)
        row = np.concatenate([photo, coloured(numbers, run.data.labels), coloured(run.says(photo), run.data.labels)], 1)
        cells.append(np.asarray(Image.fromarray(row).resize((3 * side, side), Image.Resampling.BOX)))
    cells += [np.zeros_like(cells[0])] * (len(cells) % 2)
    return np.concatenate([np.concatenate(cells[k : k + 2], 1) for k in range(0, len(cells), 2)], 0)
