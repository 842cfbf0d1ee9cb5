"""Jobs of the latent recipe as a command line or a window calls them: pictures in, reports while it runs, a model out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.card import Card
from models.errors import BadInput
from models.networks.stylegan2 import StyleGAN2
from models.training import export, sheets
from models.training.beginnings import generator_at
from models.training.jobs import Place
from models.training.latent import LatentRun, w_average
from models.training.latent_options import LatentOptions, begun_with
from models.training.loop import LOG, Report, Schedule, train
from models.training.resuming import begun_alike, begun_state
from models.training.squares import read_squares
from models.training.trunk import read_trunk

FAMILY = "stylegan2-ada"
SHEET_PSI = 0.7
_SHEET = 8  # pictures along and down


def open_latent(
    data: Path, out: Path, options: LatentOptions, place: Place, begin_from: Path | None = None, small: int | None = None
) -> LatentRun:
    """A run that stands where `out` left it, or at the networks of `begin_from` (a run or a model), or at the beginning.

    A run that was begun keeps its options but for `small`, the pictures at half size, which may be moved. `BadInput` where
    data or states cannot be used, or where the run was begun with another size or loss than `options`.
    """
    state, beginning = begun_state(out), None
    if state is not None:
        asked, options = options, begun_with(state, out)
        begun_alike(options, asked, ("size", "loss"), out)
    elif begin_from is not None:
        beginning, options = generator_at(begin_from, options)
    if state is None and small is not None:
        options = replace(options, small=small)
    pictures = read_squares(data, out.parent / "cache" / f"{data.name}-{options.size}", options.size)
    device, bfloat16 = place.chosen()
    run = LatentRun(pictures, read_trunk(), options, device, bfloat16)
    if state is not None:
        run.restore(state)
        if small is not None:
            run.small = small
    elif beginning is not None:
        run.begin_from(beginning)
    return run


def train_latent(run: LatentRun, out: Path, schedule: Schedule) -> Iterator[Report]:
    """Train until the schedule ends, with sheets on fixed latents in `out`, and an alarm where the pictures become alike."""

    def sheet(path: Path) -> Mapping[str, float]:
        Image.fromarray(latent_sheet(run, run.averaged)).save(path)
        return run.measure()

    for report in train(run, out, schedule, sheet):
        alarm = run.alarm(report.figures["diversity"]) if "diversity" in report.figures else ""
        if alarm:
            _log_alarm(out / LOG, report, alarm)
        yield replace(report, alarm=alarm)


def latent_sheet(run: LatentRun, network: StyleGAN2) -> NDArray[np.uint8]:
    """Eight rows of eight pictures of the first fixed latents, at psi 0.7."""
    made = sheets.as_pictures(run.pictures(network, run.fixed_latents(_SHEET**2), SHEET_PSI))
    rows = [np.concatenate(list(made[i : i + _SHEET]), 1) for i in range(0, len(made), _SHEET)]
    return np.concatenate(rows, 0)


def export_latent(run: LatentRun, card: Card, folder: Path) -> None:
    """Write the best generator of a run as a model of Ganvas into `folder`, with its sample sheet.

    `BadInput` where the run still makes pictures of half the size. The generator as it stands is written where none was measured
    at full size.
    """
    if run.side != run.options.size:
        size, small = run.options.size, run.small
        raise BadInput(f"The run does not make pictures of {size} px yet.", f"That begins after {small:,} pictures.", "Go on.")
    # What was best at half the size shows nothing at full size.
    measured = run.best_seen and run.best_seen >= run.small
    network, seen = (run.best, run.best_seen) if measured else (run.averaged, run.seen)
    steps = f"{seen:,} pictures seen, batches of {run.options.batch}, {run.options.loss} loss"
    described = replace(
        card,
        task="latent",
        family=FAMILY,
        config=run.shape.to_config(),
        resolution=run.options.size,
        recipe=f"{card.recipe} {steps}.".strip(),
    )
    export.write_model(folder, described, generator_tensors(network, run.shape.z_dim), sheets.webp(latent_sheet(run, network)))


def generator_tensors(network: StyleGAN2, z_dim: int) -> dict[str, torch.Tensor]:
    """All tensors of a generator under the names that Ganvas reads, its average latent measured."""
    return {**network.state_dict(), "average": w_average(network, z_dim)}


def _log_alarm(path: Path, report: Report, alarm: str) -> None:
    with open(path, "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([report.seen, round(report.rate), "alarm", alarm])
