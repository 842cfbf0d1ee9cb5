"""`ganvas train`: a model from a folder of one's own photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.options import OK, UsageError, add_common, positive
from app.cli.report import Reporter

HELP = "train a model on your own photos"
EXAMPLES = """\
  ganvas train painting photos-with-maps/ --out runs/mine --hours 8
  ganvas train painting photos-with-maps.zip --out runs/mine --export mine
  ganvas train painting photos-with-maps/ --out runs/fine --from runs/mine --detail --hours 8

A run that was interrupted (also by SIGTERM) goes on exactly where it was when the command is given again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command and of its recipes."""
    recipes = parser.add_subparsers(dest="recipe", required=True, metavar="RECIPE")
    painting = recipes.add_parser("painting", help="photos with label maps: a painter for the Paint panel")
    add_common(painting)
    painting.add_argument("data", type=Path, metavar="DATA", help="folder, zip or tar with photos/, maps/ and labels.json")
    painting.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the run lives: state, log, sample sheets")
    painting.add_argument("--pictures", type=positive, default=1_000_000, metavar="N", help="stop after N (default: a million)")
    painting.add_argument("--hours", type=float, default=float("inf"), metavar="H", help="stop after H hours")
    painting.add_argument("--size", type=positive, default=128, metavar="PX", help="side of whole pictures (default: 128)")
    painting.add_argument("--detail", action="store_true", help="one level more: paints at twice that size")
    painting.add_argument("--batch", type=positive, default=16, metavar="N", help="pictures a step (default: 16)")
    painting.add_argument("--from", dest="begin_from", type=Path, metavar="DIR", help="begin with the networks of another run")
    painting.add_argument("--open-only", action="store_true", help="train on photos of licence class open alone")
    painting.add_argument("--sheet-every", type=positive, default=5000, metavar="N", help="pictures between two sample sheets")
    painting.add_argument(
        "--save-minutes", type=float, default=5.0, metavar="M", help="minutes between saved states (default: 5)"
    )
    painting.add_argument("--export", type=Path, metavar="FOLDER", help="write the result as a model: card, weights, sheet")
    painting.add_argument("--card", type=Path, metavar="JSON", help="title, licence, data, limits ... for the card")


def run(args: argparse.Namespace) -> int:
    """Train by the recipe, tell how it goes, export where that was asked for."""
    from models.errors import ModelError
    from models.training import jobs
    from models.training.loop import Schedule
    from models.training.painting import PaintingOptions

    if args.size < 64 or args.size % 32:
        raise UsageError(f"--size must be a multiple of 32, at least 64, not {args.size}.")
    reporter = Reporter(args.json)
    bfloat16 = None if args.precision is None else args.precision == "bfloat16"
    channels = (256, 192, 128, 64, 32, 24) if args.detail else (256, 192, 128, 64, 32)
    options = PaintingOptions(size=args.size, detail=args.detail, channels=channels, batch=args.batch)
    schedule = Schedule(args.pictures, args.hours, save_minutes=args.save_minutes, sheet_every=args.sheet_every)
    try:
        work = jobs.open_painting(
            args.data, args.out, options, jobs.Place(args.device, bfloat16, args.threads), args.begin_from, args.open_only
        )
        for problem in work.data.problems:
            reporter.note(f"left out: {problem.name} {problem.reason}", name=problem.name, reason=problem.reason)
        reporter.note(f"{len(work.data.train)} photos to train on, {len(work.data.held_out)} held out, {work.seen} pictures seen")
        for report in jobs.train_painting(work, args.out, schedule):
            reporter.progress(min(report.seen, args.pictures), args.pictures, "pictures")
            figures = " ".join(f"{name} {value:.3g}" for name, value in report.figures.items())
            wrote = f", wrote {report.wrote}" if report.wrote else ""
            text = f"{report.seen} pictures, {report.rate:.0f} an hour{wrote}: {figures}"
            reporter.note(text, seen=report.seen, **report.figures)
        if args.export is not None:
            jobs.export_painting(work, jobs.read_card(args.card, args.export.name), args.export)
            reporter.result(f"{args.export}", path=str(args.export), seen=work.seen)
        else:
            reporter.result(f"{args.out}: {work.seen} pictures seen", path=str(args.out), seen=work.seen)
    except ModelError as error:
        from app.inference.updates import Failure

        reporter.failed(str(args.data), Failure(error.what, error.why, error.hint))
        return reporter.finish()
    reporter.finish()
    return OK
