"""Whole jobs of the training kit, as a command line or a window calls them: data in, reports while it runs, a model out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from models import catalogue
from models.card import Card
from models.errors import BadInput
from models.precision import device_named, processor_has_bfloat16
from models.training import export, sheets
from models.training.beginnings import Beginning, painter_at, read_beginning
from models.training.labelled import LabelledPhotos, read_labelled
from models.training.loop import Report, Schedule, train
from models.training.lpips import open_lpips
from models.training.painting import PaintingOptions, PaintingRun
from models.training.painting import begun_with as painting_begun
from models.training.photos import Photos, read_photos
from models.training.resuming import begun_alike, begun_state, same_labels, telling_licences
from models.training.teaching import Lessons, lessons, read_teacher
from models.training.trunk import read_trunk
from models.training.upscaling import UpscalingOptions, UpscalingRun, enlarged_sheet
from models.training.upscaling import begun_with as upscaling_begun

SAMPLES = Path(str(files("resources"))) / "samples"
MAPS = SAMPLES / "maps"
LOOKS = tuple(SAMPLES / "looks" / f"{name}.webp" for name in ("noon", "golden", "night", "mist", "winter"))
_ROWS = 12


@dataclass(frozen=True)
class Place:
    """Where a run computes: `device` None is the fastest there is, `bfloat16` None where the device is fast at it."""

    device: str | None = None
    bfloat16: bool | None = None
    threads: int | None = None

    def chosen(self) -> tuple[torch.device, bool]:
        """Device and whether to compute in bfloat16; sets the number of threads. `BadInput` where there is no such device."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        device = device_named(self.device)
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        fast = fast or (device.type == "cpu" and processor_has_bfloat16())
        return device, fast if self.bfloat16 is None else self.bfloat16


def open_painting(data: Path, out: Path, options: PaintingOptions, place: Place, begin_from: Path | None = None) -> PaintingRun:
    """A painting run that stands where `out` left it, or at the networks of a run or painter, `begin_from`, or at the beginning.

    A run that was begun keeps its options; `options` are those of a new one. `BadInput` where data or states cannot be used, or
    where the run was begun with another size, or with or without detail, deep critics or photos that are not open otherwise than
    `options`.
    """
    state = begun_state(out)
    if state is not None:
        asked, options = options, painting_begun(telling_licences(state, options.open_only), out)
        begun_alike(options, asked, ("size", "detail", "deep", "open_only"), out)
    photos = read_labelled(data, out.parent / "cache" / data.name, options.open_only)
    beginning = None
    if state is None and begin_from is not None:
        beginning, options = painter_at(begin_from, options, photos.labels)
    device, bfloat16 = place.chosen()
    run = PaintingRun(photos, read_trunk(), options, device, bfloat16)
    if state is not None:
        codes = state["networks"].get("generator", {}).get("label_codes")
        if codes is not None:
            same_labels(len(codes), len(photos.labels))
        run.restore(state)
    elif beginning is not None:
        run.begin_from(beginning)
    return run


def train_painting(run: PaintingRun, out: Path, schedule: Schedule) -> Iterator[Report]:
    """Train until the schedule ends, with sample sheets of held-out maps and of the hand-drawn ones in `out`."""

    def sheet(path: Path) -> None:
        Image.fromarray(sheets.held_out_sheet(run, _ROWS)).save(path)
        if _knows_samples(run.data):
            Image.fromarray(sheets.drawn_sheet(run, MAPS, LOOKS)).save(path.with_name(f"drawn-{path.name}"))

    return train(run, out, schedule, sheet)


def export_painting(run: PaintingRun, card: Card, folder: Path) -> None:
    """Write the run's averaged generator as a model of Ganvas into `folder`, with its sample sheet."""
    drawn = _knows_samples(run.data)
    sample = sheets.drawn_sheet(run, MAPS, LOOKS) if drawn else sheets.held_out_sheet(run, _ROWS)
    export.write_model(folder, export.painter_card(run, card), export.painter_tensors(run), sheets.webp(sample))


def open_upscaling(
    data: Path,
    out: Path,
    options: UpscalingOptions,
    place: Place,
    begin_from: Path | None = None,
    report: catalogue.Report = catalogue.silent,
    wheels: Path | None = None,
) -> UpscalingRun:
    """An upscaling run that stands where `out` left it, or at the network of `begin_from`, or at the beginning.

    A run that was begun keeps its options; a new one takes its width and depth from what it begins from. `report(done, total,
    what)` tells how far the asking of a teacher is. LPIPS, where it is asked for, is read from `wheels` (None: the usual folder).
    A run that has seen `options.pictures` needs neither. `BadInput` where data, states or what it begins from cannot be used, or
    where scale, wear, critic, LPIPS or teacher of the run that was begun are others; `ModelError` where the wheel is missing.
    """
    state, wanted = begun_state(out), options.pictures
    beginning = read_beginning(begin_from) if state is None and begin_from is not None else None
    if state is not None:
        asked, options = options, upscaling_begun(state, out)
        begun_alike(options, asked, ("scale", "worn", "adversarial", "lpips", "teacher"), out)
    if beginning is not None:
        if beginning.config.shuffle != options.scale or beginning.config.channels != 3:
            raise BadInput(f"{begin_from} enlarges {beginning.config.shuffle} times, the new run {options.scale} times.")
        options = replace(options, width=beginning.config.features, inner=beginning.config.inner)
    photos = read_photos(data, out.parent / "cache" / data.name, options.patch * options.scale)
    device, bfloat16 = place.chosen()
    finished = state is not None and int(state["seen"]) >= wanted  # nothing more is learnt: teacher and wheel may be gone
    if options.teacher and finished:
        taught: Lessons | None = Lessons([], options.scale, options.patch)
    else:
        taught = _lessons(photos, data, out, options, device, report)
    lpips = open_lpips(device, wheels) if options.lpips and not finished else None
    run = UpscalingRun(photos, read_trunk(), options, device, bfloat16, taught, lpips)
    if state is not None:
        run.restore(state)
    elif beginning is not None:
        run.begin_from(beginning.tensors)
    return run


def _lessons(
    photos: Photos, data: Path, out: Path, options: UpscalingOptions, device: torch.device, report: catalogue.Report
) -> Lessons | None:
    """What the teacher of a run says, from the cache where it was asked before; None where there is no teacher."""
    if not options.teacher:
        return None
    teacher = read_teacher(options.teacher, options.scale, device)
    worn = "-worn" if options.worn else ""
    cache = out.parent / "cache" / f"{data.name}-by-{options.teacher}{worn}"
    return lessons(photos, teacher, cache, options, report)


def train_upscaling(run: UpscalingRun, out: Path, schedule: Schedule) -> Iterator[Report]:
    """Train until the schedule ends, with sheets of held-out photos in `out`."""

    def sheet(path: Path) -> None:
        Image.fromarray(enlarged_sheet(run)).save(path)

    return train(run, out, schedule, sheet)


@dataclass(frozen=True)
class Mean:
    """What an exported upscaler is averaged with: a run or model that had the same beginning, by its name and network, and its
    share, 0..1."""

    name: str
    network: Beginning
    share: float


def export_upscaling(run: UpscalingRun, card: Card, folder: Path, mean: Mean | None = None) -> None:
    """Write the run's averaged network as a model of Ganvas into `folder`, with its sample sheet.

    With `mean` it is that average; `BadInput` where the other has another shape. A restorer's mean colours are evened out. After
    either the run should not be trained any further.
    """
    steps = f"{run.seen:,} patches seen, batches of {run.options.batch}"
    if run.options.teacher:
        steps += f", {run.options.lessons:,} lessons of {run.options.teacher}"
    if mean is not None:
        run.mean_with(mean.network.tensors, mean.share)
        steps += f"; averaged with {mean.name}, whose share is {mean.share:g}"
    config = asdict(run.config)
    if run.options.worn:
        run.even_colours()
        steps += "; mean colours evened out"
        config["around"] = run.around
    described = replace(
        card,
        task="upscaling",
        family="compact",
        config=config,
        scale=run.options.scale,
        recipe=f"{card.recipe} {steps}.".strip(),
    )
    export.write_model(folder, described, dict(run.averaged.state_dict()), sheets.webp(enlarged_sheet(run)))


def read_card(path: Path | None, name: str) -> Card:
    """The card that a person wrote for a model, or a plain one that says so; `BadInput` where the file is no JSON object."""
    known: dict[str, Any] = {"name": name, "title": name, "task": "painting", "family": "unknown"}
    if path is not None:
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(said, dict):
                raise TypeError("It holds no object")
            known |= said
        except (OSError, ValueError, TypeError) as error:
            hint = "It is a JSON object with title, licence, data, limits ..."
            raise BadInput(f"{path} is not a card.", f"{error}.", hint) from error
    else:
        known |= {"licence": "unknown: nobody has said it", "data": "a person's own photos", "recipe": "`ganvas train`:"}
    return Card.from_json(json.dumps(known))


def _knows_samples(data: LabelledPhotos) -> bool:
    """Whether the labels are those that the hand-drawn maps are made of."""
    return len(data.labels) == 18 and [label.id for label in data.labels] == list(range(18))
