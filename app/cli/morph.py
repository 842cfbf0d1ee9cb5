"""`ganvas morph`: pictures of a latent model flow into one another, as a film, an animation or a folder of pictures."""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.generate import latent_model, seeds, truncation
from app.cli.names import is_one_of
from app.cli.options import UsageError, engine, positive
from app.cli.report import Reporter, ending_of, said
from app.inference.updates import Failure

if TYPE_CHECKING:
    from app.explore.morph import Latents, Morph
    from app.explore.variation import Variation
    from app.inference.engine import Engine
    from models.card import Card

HELP = "let pictures flow into one another, as a film or an animation"
EXAMPLES = """\
  ganvas morph --seeds 3,12,40 --out walk.mp4
  ganvas morph --model faces --seeds 1-8 --seconds 3 --psi 0.6 --out faces.mp4
  ganvas morph me-found.png seed0007.png --no-loop --out me-and-seven.webp
  ganvas morph --seeds 3,12 --size 256 --out draft.gif
  ganvas morph --seeds 3,12 --out frames/            (a new folder of PNGs)

MP4 needs the program ffmpeg."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument(
        "pictures",
        nargs="*",
        type=Path,
        metavar="PICTURE",
        help="pictures that Explore, generate or project saved, in their order",
    )
    parser.add_argument("--seeds", type=seeds, metavar="LIST", help="in place of pictures: numbers and ranges, as 3,12,40-44")
    parser.add_argument("--model", metavar="M", help="the model of the seeds: name or file (default: the best at hand)")
    parser.add_argument(
        "--psi", type=truncation, metavar="X", help="truncation of the seeds: 0 the average, 1 all variety (default: 0.7)"
    )
    parser.add_argument("--seconds", type=pace, default=2.0, metavar="S", help="from one picture to the next (default: 2)")
    parser.add_argument("--no-loop", action="store_true", help="end with the last picture (default: back to the first)")
    parser.add_argument("--size", type=positive, metavar="PX", help="a preview of about this size, where the model has one")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="the film (.mp4) or animation (.webp, .gif); else a folder of PNGs"
    )


def pace(text: str) -> float:
    """Seconds between two pictures, for argparse."""
    from app.explore.morph import SECONDS

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not SECONDS[0] <= value <= SECONDS[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from {SECONDS[0]:g} to {SECONDS[1]:g}")
    return value


def run(args: argparse.Namespace) -> int:
    """Make the frames one after the other, then the film of them. A morph that fails leaves nothing behind."""
    from app.explore.animation import SUFFIXES
    from app.photos.photo import PhotoError

    if bool(args.pictures) == (args.seeds is not None):
        raise UsageError("Give the pictures that are to flow into one another, or --seeds.")
    if args.pictures and (args.model is not None or args.psi is not None):
        raise UsageError("--model and --psi are those of seeds: pictures know theirs.")
    if len(args.pictures or args.seeds) < 2:
        raise UsageError("A morph takes two pictures at least.")
    if args.out.suffix and args.out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out ends on {', '.join(SUFFIXES)}, or on nothing for a folder of PNGs, not on {args.out.suffix}.")
    if is_one_of(args.out, *args.pictures):
        raise UsageError(f"--out {args.out} is one of the pictures, and would be lost: give another name.")
    if args.out.is_dir() or (args.out.exists() and args.out.suffix.lower() not in SUFFIXES):
        raise UsageError(f"{args.out} is there already, and a folder is never replaced: give another name.")
    reporter, machine = Reporter(args.json), engine(args)
    found = _keys(args, machine)
    if isinstance(found, Failure):
        reporter.failed(str(args.out), found)
        return reporter.finish()
    try:
        _make(args, reporter, machine, *found)
    except (PhotoError, OSError) as error:
        reporter.failed(str(args.out), Failure(said(error)))
    return reporter.finish()


def _keys(args: argparse.Namespace, machine: Engine) -> tuple[Morph, Card] | Failure:
    """The morph that was asked for, and the card of its model."""
    from app.explore.morph import Morph
    from app.explore.variation import Variation

    keys: list[Variation] = []
    if args.seeds is not None:
        found = latent_model(machine, args.model)
        if isinstance(found, Failure):
            return found
        name, card = found
        plain = Variation(name) if args.psi is None else Variation(name, psi=args.psi)
        keys = [plain.at_seed(seed) for seed in args.seeds]
    else:
        for path in args.pictures:
            key = _key(path, machine)
            if isinstance(key, Failure):
                return key
            keys.append(key)
        others = next((path for path, key in zip(args.pictures, keys, strict=True) if key.model != keys[0].model), None)
        if others is not None:
            return Failure(f"{others.name} is of another model than {args.pictures[0].name}: a morph is within one model.")
        entry = machine.catalogue.find(keys[0].model)
        assert entry is not None
        card = entry.card
    return Morph(tuple(keys), args.seconds, not args.no_loop), card


def _key(path: Path, machine: Engine) -> Variation | Failure:
    from app.explore.files import read_recipe, variation_of
    from app.explore.variation import RecipeError

    held = read_recipe(path)
    if held is None:
        hint = "A photo becomes one by ganvas project." if path.is_file() else ""
        return Failure(f"{path} is no picture that Explore, generate or project saved.", hint=hint)
    try:
        key, title = variation_of(held, [entry for entry in machine.catalogue.entries() if entry.card.task == "latent"])
    except RecipeError as error:
        return Failure(f"{path}: {error}")
    if not key.model:
        return Failure(f"{path.name} was made with {title or 'a model'}, which is not at hand.", hint="Add that model first.")
    return key


def _make(args: argparse.Namespace, reporter: Reporter, machine: Engine, morph: Morph, card: Card) -> None:
    from app.explore import animation
    from app.explore.morph import FRAMES_A_SECOND

    args.out.parent.mkdir(parents=True, exist_ok=True)
    animation.prepare(args.out)
    latents = _latents(machine, morph)
    if isinstance(latents, Failure):
        reporter.failed(str(args.out), latents)
        return
    height = width = 0
    with _passing(animation.folder_for(args.out)) as folder:
        for number in range(morph.frames):
            reporter.progress(number, morph.frames, "frames")
            ending = ending_of(machine.run(morph.request(number / FRAMES_A_SECOND, latents, resolution=args.size)))
            if isinstance(ending, Failure):
                reporter.failed(str(args.out), ending)
                return
            height, width = ending.result.picture.shape[:2]
            animation.write_frame(folder, number, ending.result.picture)
        animation.assemble(folder, args.out, morph.to_recipe(card.sha256, card.title), morph.loop)
    reporter.clear()
    reporter.result(
        f"{args.out}  {width} x {height}  {morph.frames} frames  {morph.duration:g} s",
        path=str(args.out),
        width=width,
        height=height,
        frames=morph.frames,
        seconds=morph.duration,
    )


def _latents(machine: Engine, morph: Morph) -> Latents | Failure:
    """The latents of each key, which its picture brings along."""
    known = {}
    for key in dict.fromkeys(morph.keys):
        ending = ending_of(machine.run(key.request(resolution=1)))  # the smallest picture that there is: none is looked at
        if isinstance(ending, Failure):
            return ending
        known[key] = ending.result.ws
    return known


@contextmanager
def _passing(folder: Path) -> Iterator[Path]:
    """A folder that does not outlive the block, unless it was renamed."""
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
