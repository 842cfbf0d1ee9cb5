"""`ganvas train`: a model from a folder of one's own photos."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.options import UsageError, add_common, hold_card, positive
from app.cli.report import Reporter

if TYPE_CHECKING:
    from models.card import Card
    from models.training.jobs import Place
    from models.training.loop import Report, Schedule

_LOSSES = ("hinge", "logistic", "relativistic", "wasserstein")

HELP = "train a model on your own photos"
EXAMPLES = """\
  ganvas train painting photos-with-maps/ --out runs/mine --hours 8
  ganvas train painting photos-with-maps.zip --out runs/mine --export my-models/mine
  ganvas train painting photos-with-maps/ --out runs/fine --from runs/mine --detail --hours 8
  ganvas train painting photos-with-maps/ --out runs/wide --from runs/fine --detail --deep \\
      --channels 320 288 224 128 64 48 --batch 32 --workers 4 --hours 1     (on a graphics card)
  ganvas train latent portraits/ --out runs/portraits --pictures 200000 --export my-models/portraits
  ganvas train latent my-portraits/ --out runs/ours --from portraits --size 256 --hours 4 --export my-models/ours
  ganvas train upscaling sharp-photos/ --out runs/sharp --scale 4 --pictures 400000
  ganvas train upscaling sharp-photos/ --out runs/crisp --scale 4 --from runs/sharp --adversarial --pictures 50000
  ganvas train labelling photos-with-maps/ --out runs/labels --export my-models/labels

A run that was interrupted (also by SIGTERM) goes on exactly where it was when the command is given again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command and of its recipes."""
    recipes = parser.add_subparsers(dest="recipe", required=True, metavar="RECIPE")
    painting = recipes.add_parser("painting", help="photos with label maps: a painter for the Paint panel")
    _everywhere(painting, "folder, zip or tar with photos/, maps/ and labels.json", pictures=1_000_000, batch=16, sheets=5000)
    painting.add_argument("--size", type=positive, default=128, metavar="PX", help="side of whole pictures (default: 128)")
    painting.add_argument("--detail", action="store_true", help="one level more: paints at twice that size")
    painting.add_argument(
        "--channels",
        type=positive,
        nargs="+",
        metavar="N",
        help="channels of the levels, coarsest first: more paint better, slower",
    )
    _alone(painting)
    painting.add_argument("--deep", action="store_true", help="critics look further at the pixels themselves")
    painting.add_argument("--open-only", action="store_true", help="train on photos of licence class open alone")
    painting.add_argument(
        "--workers", type=int, default=0, metavar="N", help="processes that make batches ahead: for a card (default: none)"
    )
    painting.add_argument(
        "--mean-with",
        type=Path,
        metavar="STATE",
        help="export a mean with an earlier moment, or a run that had the same beginning",
    )
    _share(painting)
    latent = recipes.add_parser("latent", help="pictures of one kind: a generator for the Explore panel")
    _everywhere(latent, "folder, zip or tar with pictures that show one kind of thing", pictures=300_000, batch=8, sheets=5000)
    latent.add_argument("--size", type=int, choices=(64, 128, 256), default=128, help="side in pixels (default: 128)")
    latent.add_argument("--loss", choices=_LOSSES, default="relativistic", help="default: relativistic")
    latent.add_argument("--small", type=int, metavar="N", help="pictures at half the size before it is doubled")
    _alone(latent)
    latent.add_argument("--no-mirror", action="store_true", help="do not mirror pictures: where left and right differ")
    latent.add_argument(
        "--mean-with", type=Path, metavar="STATE", help="export the mean with the state.safetensors of an earlier moment"
    )
    upscaling = recipes.add_parser("upscaling", help="sharp photos: a quick upscaler for the Upscale panel")
    _everywhere(upscaling, "folder, zip or tar with sharp photos", pictures=200_000, batch=8, sheets=20_000)
    upscaling.add_argument("--scale", type=int, choices=(2, 3, 4), default=4, help="how many times larger (default: 4)")
    upscaling.add_argument("--worn", action="store_true", help="learn to restore worn photos: blurred, noisy, compressed")
    upscaling.add_argument("--patch", type=positive, default=32, metavar="PX", help="side of small patches (default: 32)")
    upscaling.add_argument("--adversarial", action="store_true", help="add a critic that asks for texture (after a run without)")
    upscaling.add_argument("--lpips", action="store_true", help="with a critic: ask for what looks alike to people (LPIPS) too")
    upscaling.add_argument(
        "--wheels", type=Path, metavar="DIR", help="where the wheel with LPIPS lies (default: where `ganvas measure get` puts it)"
    )
    upscaling.add_argument("--teacher", default="", metavar="NAME", help="learn what this large upscaler makes of the photos")
    upscaling.add_argument("--lessons", type=positive, metavar="N", help="pieces that the teacher enlarges (default: 1,000)")
    upscaling.add_argument("--rate", type=float, metavar="R", help="rate at first (default: 0.001, with a critic 0.0002)")
    upscaling.add_argument(
        "--mean-with", type=Path, metavar="RUN", help="export a mean with another run or model that had the same beginning"
    )
    _share(upscaling)
    labelling = recipes.add_parser("labelling", help="photos with label maps: a labeller, for label maps from photos")
    photos = "folder, zip or tar with photos/, maps/ and labels.json"
    _everywhere(labelling, photos, pictures=20_000, batch=16, sheets=4000, begin="another run")
    labelling.add_argument("--size", type=positive, default=256, metavar="PX", help="side of the squares (default: 256)")
    labelling.add_argument("--open-only", action="store_true", help="train on photos of licence class open alone")


def _alone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alone",
        type=positive,
        default=0,
        metavar="N",
        help="pictures that new critics see first while the model rests (default: 3,200 where --from names a model, else none)",
    )


def _share(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--share", type=float, default=0.5, metavar="S", help="its share of the mean, 0 to 1 (default: 0.5)")


def _everywhere(
    parser: argparse.ArgumentParser, data: str, pictures: int, batch: int, sheets: int, begin: str = "another run or of a model"
) -> None:
    add_common(parser)
    parser.add_argument("data", type=Path, metavar="DATA", help=data)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the run lives: state, log, sample sheets")
    parser.add_argument("--pictures", type=positive, default=pictures, metavar="N", help=f"stop after N (default: {pictures:,})")
    parser.add_argument("--hours", type=float, default=float("inf"), metavar="H", help="stop after H hours")
    parser.add_argument("--batch", type=positive, default=batch, metavar="N", help=f"pictures a step (default: {batch})")
    parser.add_argument("--from", dest="begin_from", type=Path, metavar="RUN", help=f"begin with the networks of {begin}")
    parser.add_argument("--sheet-every", type=positive, default=sheets, metavar="N", help="pictures between two sample sheets")
    parser.add_argument("--save-minutes", type=float, default=5.0, metavar="M", help="minutes between saved states (default: 5)")
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the result as a model: card, weights, sheet")
    parser.add_argument("--card", type=Path, metavar="JSON", help="title, licence, data, limits ... for the card")


def run(args: argparse.Namespace) -> int:
    """Train by the recipe, tell how it goes, export where that was asked for."""
    from app.inference.updates import Failure
    from models.errors import ModelError
    from models.training.jobs import Place
    from models.training.loop import Schedule

    if args.precision == "float16":
        raise UsageError("Training computes in float32 or bfloat16; --precision float16 is not among them.")
    for name in ("hours", "save_minutes"):
        if not getattr(args, name) > 0:
            raise UsageError(f"--{name.replace('_', '-')} must be above 0, not {getattr(args, name):g}.")
    if not 0 <= getattr(args, "share", 0) <= 1:
        raise UsageError(f"--share must lie between 0 and 1, not {args.share}.")
    for name in ("card", "mean_with"):
        if args.export is None and getattr(args, name, None) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is about the model that --export writes: give that too.")
    reporter = Reporter(args.json)
    bfloat16 = None if args.precision is None else args.precision == "bfloat16"
    place = Place(args.device, bfloat16, args.threads)
    schedule = Schedule(args.pictures, args.hours, save_minutes=args.save_minutes, sheet_every=args.sheet_every)
    try:
        recipes = {"painting": _painting, "latent": _latent, "upscaling": _upscaling, "labelling": _labelling}
        hold_card(args)
        recipes[args.recipe](args, reporter, place, schedule)
    except ModelError as error:
        reporter.failed(str(args.data), Failure(error.what, error.why, error.hint))
    return reporter.finish()


def _card(args: argparse.Namespace) -> Card | None:
    """The card of the model that is to be written, None for none. What speaks against it is said before hours are spent."""
    from models.training.export import check_place
    from models.training.jobs import read_card

    if args.export is None:
        return None
    check_place(args.export)
    return read_card(args.card, args.export.name)


def _painting(args: argparse.Namespace, reporter: Reporter, place: Place, schedule: Schedule) -> None:
    from models.training import jobs
    from models.training.painting import PaintingOptions
    from models.training.resuming import begun_alike, state_alike

    if args.size < 64 or args.size % 32:
        raise UsageError(f"--size must be a multiple of 32, at least 64, not {args.size}.")
    levels = 6 if args.detail else 5
    channels = tuple(args.channels or (256, 192, 128, 64, 32, 24)[:levels])
    if len(channels) != levels:
        raise UsageError(
            f"--channels are those of {levels} levels{' with' if args.detail else ', without'} --detail, not {len(channels)}."
        )
    if args.workers < 0:
        raise UsageError(f"--workers must not be below 0, not {args.workers}.")
    options = PaintingOptions(size=args.size, detail=args.detail, channels=channels, batch=args.batch, deep=args.deep)
    options = replace(options, open_only=args.open_only, alone=args.alone)
    card = _card(args)
    mean = None if args.mean_with is None else state_alike(PaintingOptions, args.mean_with)
    work = jobs.open_painting(args.data, args.out, options, place, args.begin_from)
    begun_alike(work.options, options, ["channels"] if args.channels else [], args.out)
    work.workers = args.workers
    _begin(reporter, work, work.data.problems, len(work.data.train), len(work.data.held_out))
    _follow(args, reporter, jobs.train_painting(work, args.out, schedule))
    if card is not None:
        if mean is not None:
            work.mean_with(mean, args.share)
        jobs.export_painting(work, card, args.export)
    _end(args, reporter, work.seen)


def _latent(args: argparse.Namespace, reporter: Reporter, place: Place, schedule: Schedule) -> None:
    from models.training import latent_jobs
    from models.training.latent_options import LatentOptions, with_loss
    from models.training.resuming import state_alike

    options = with_loss(args.loss, size=args.size, batch=args.batch, mirror=not args.no_mirror, alone=args.alone)
    card = _card(args)
    mean = None if args.mean_with is None else state_alike(LatentOptions, args.mean_with)
    work = latent_jobs.open_latent(args.data, args.out, options, place, args.begin_from, args.small)
    _begin(reporter, work, work.data.problems, len(work.data.train), len(work.data.held_out))
    _follow(args, reporter, latent_jobs.train_latent(work, args.out, schedule))
    if card is not None:
        if mean is not None:
            work.mean_with(mean)
        latent_jobs.export_latent(work, card, args.export)
    _end(args, reporter, work.seen)


def _upscaling(args: argparse.Namespace, reporter: Reporter, place: Place, schedule: Schedule) -> None:
    from models.training import jobs
    from models.training.beginnings import read_beginning
    from models.training.resuming import begun_alike
    from models.training.upscaling import UpscalingOptions

    if args.rate is not None and not args.rate > 0:
        raise UsageError(f"--rate must be above 0, not {args.rate}.")
    options = UpscalingOptions(scale=args.scale, batch=args.batch, patch=args.patch, pictures=args.pictures)
    options = replace(options, worn=args.worn, adversarial=args.adversarial, teacher=args.teacher)
    if args.lessons is not None:
        if not args.teacher:
            raise UsageError("--lessons are those of a --teacher: name one.")
        options = replace(options, lessons=args.lessons)
    if args.lpips:
        if not args.adversarial:
            raise UsageError("--lpips without a critic draws scales on all that is even: give --adversarial too.")
        options = replace(options, lpips=True)
    elif args.wheels is not None:
        raise UsageError("--wheels says where LPIPS lies: give --lpips too.")
    if args.adversarial:
        options = options.gentle()
    if args.rate is not None:
        options = replace(options, rate=args.rate)
    card = _card(args)
    mean = None if args.mean_with is None else jobs.Mean(args.mean_with.name, read_beginning(args.mean_with), args.share)
    work = jobs.open_upscaling(args.data, args.out, options, place, args.begin_from, reporter.progress, args.wheels)
    begun_alike(work.options, options, [name for name in ("rate", "lessons") if getattr(args, name) is not None], args.out)
    _begin(reporter, work, work.problems, len(work.train), len(work.held_out))
    _follow(args, reporter, jobs.train_upscaling(work, args.out, schedule))
    if card is not None:
        jobs.export_upscaling(work, card, args.export, mean)
    _end(args, reporter, work.seen)


def _labelling(args: argparse.Namespace, reporter: Reporter, place: Place, schedule: Schedule) -> None:
    from models.training import labelling_jobs as jobs
    from models.training.labelling import LabellingOptions

    if args.size < 64 or args.size % 32:
        raise UsageError(f"--size must be a multiple of 32, at least 64, not {args.size}.")
    options = LabellingOptions(size=args.size, batch=args.batch, pictures=args.pictures, open_only=args.open_only)
    card = _card(args)
    work = jobs.open_labelling(args.data, args.out, options, place, args.begin_from)
    _begin(reporter, work, work.data.problems, len(work.data.train), len(work.data.held_out))
    _follow(args, reporter, jobs.train_labelling(work, args.out, schedule))
    if card is not None:
        jobs.export_labelling(work, card, args.export)
    _end(args, reporter, work.seen)


def _begin(reporter: Reporter, work: Any, problems: Any, train: int, held_out: int) -> None:
    for problem in problems:
        reporter.note(f"left out: {problem.name} {problem.reason}", name=problem.name, reason=problem.reason)
    reporter.note(f"{train} photos to train on, {held_out} held out, {work.seen} pictures seen")


def _follow(args: argparse.Namespace, reporter: Reporter, reports: Iterator[Report]) -> None:
    for report in reports:
        reporter.progress(min(report.seen, args.pictures), args.pictures, "pictures")
        figures = " ".join(f"{name} {value:.3g}" for name, value in report.figures.items())
        wrote = f", wrote {report.wrote}" if report.wrote else ""
        text = f"{report.seen} pictures, {report.rate:.0f} an hour{wrote}: {figures}"
        reporter.note(text, seen=report.seen, **report.figures)
        if report.alarm:
            reporter.note(f"WARNING: {report.alarm}", alarm=report.alarm)


def _end(args: argparse.Namespace, reporter: Reporter, seen: int) -> None:
    place = args.out if args.export is None else args.export
    reporter.result(f"{place}: {seen} pictures seen", path=str(place), seen=seen)
