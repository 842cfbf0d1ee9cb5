"""`ganvas paint`: a label map becomes a landscape."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.choosing import card_of
from app.cli.names import is_one_of
from app.cli.options import OK, UsageError, engine
from app.cli.report import Reporter, ending_of, said
from app.inference.finishing import AUTO, finisher_of
from app.inference.requests import DeviceRequest
from app.inference.updates import Failure, Progress, Update

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.inference.engine import Engine
    from app.paint.state.look import Look
    from models.card import Card

DEFAULT_MODEL, PLAIN = "landscapes", "plain"
LARGEST_SEED = 2**32 - 1

HELP = "paint a landscape from a label map"
EXAMPLES = """\
  ganvas paint map.png --out lake.png
  ganvas paint map.png --seed 7 --out evening.jpg
  ganvas paint map.png --style sunset.jpg --out sunset-lake.png
  ganvas paint map.png --model my-painter --seed 1-8 --out variants/"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument(
        "map", type=Path, metavar="MAP", help="a picture whose pixels are label numbers (palette PNG) or the labels' colours"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="M", help=f"a painter: name or file (default: {DEFAULT_MODEL})")
    look = parser.add_mutually_exclusive_group()
    look.add_argument("--seed", type=seeds, metavar="N", help="the look that a number draws; 1-8 paints eight")
    look.add_argument("--style", type=Path, metavar="PHOTO", help="the look of this photo")
    parser.add_argument("--grain", type=int, default=0, metavar="N", help="the number that draws the fine grain (default: 0)")
    parser.add_argument(
        "--exact-edges", action="store_true", help="follow the map to the pixel: no natural outlines for clouds, trees, rocks"
    )
    parser.add_argument(
        "--enlarge-with",
        default=AUTO,
        metavar="M",
        help=f"what brings it to a larger map's size: an upscaler, {AUTO} or {PLAIN} (default: {AUTO}, as in the window)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help="the picture (PNG, JPEG, WebP); a folder for several seeds",
    )


def seeds(text: str) -> tuple[int, ...]:
    """One seed, or all of a range `first-last`, for argparse."""
    first, dash, last = text.partition("-")
    try:
        low, high = int(first), int(last if dash else first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a range like 1-8") from None
    if not 0 <= low <= high <= LARGEST_SEED or high - low >= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no range of seeds between 0 and {LARGEST_SEED}")
    return tuple(range(low, high + 1))


def run(args: argparse.Namespace) -> int:
    """Read the map, paint it with each look, write the pictures."""
    from app.paint.state.drawing import from_map
    from app.paint.state.files import PaintFileError
    from app.paint.state.look import Looks
    from app.paint.state.map_files import read_map
    from app.paint.state.palette import Palette
    from app.paint.state.requesting import paint_request
    from app.photos.photo import PhotoError

    if args.seed is not None and len(args.seed) > 1 and args.out.suffix:
        raise UsageError(f"--out must be a folder for {len(args.seed)} seeds, not {args.out.name}.")
    if is_one_of(args.out, args.map, args.style):
        raise UsageError(f"--out {args.out} is what the picture is painted from, and would be lost: give another name.")
    reporter = Reporter(args.json)
    worker = engine(args)
    card = card_of(worker, args.model, "paint label maps", "painting")
    if isinstance(card, Failure):
        reporter.failed(args.model, card)
        return reporter.finish()
    if args.enlarge_with not in (AUTO, PLAIN):  # also where the map is so small that nothing is enlarged
        enlarger = card_of(worker, args.enlarge_with, "enlarge pictures", "upscaling")
        if isinstance(enlarger, Failure):
            reporter.failed(args.enlarge_with, enlarger)
            return reporter.finish()
    try:
        found = read_map(args.map, Palette(card.labels))
        looks = _looks(args)
    except (PaintFileError, PhotoError) as error:
        reporter.failed(str(args.style if isinstance(error, PhotoError) else args.map), Failure(error.what, "", error.hint))
        return reporter.finish()
    if found.unknown:
        reporter.failed(str(args.map), _strangers(found.unknown, card))
        return reporter.finish()
    if found.remark:
        reporter.note(found.remark)
    labels = _whole(found.labels, card)
    drawing = from_map(labels, card.labels)
    drawing.model = card.name
    upscaler = _upscaler(worker, card, args.enlarge_with, drawing.height, drawing.width)
    for number, look in enumerate(looks):
        drawing.looks = Looks(look, grain=args.grain, natural_edges=not args.exact_edges)
        request = paint_request(args.model, labels, drawing.looks, hurry=False, enlarge_with=upscaler)
        ending = reporter.follow(_counted(worker.run(request), number, len(looks)))
        if isinstance(ending, Failure):
            reporter.failed(f"{args.map} ({look.title})", ending)
            continue
        path = args.out if len(looks) == 1 and args.out.suffix else args.out / f"{args.map.stem}-{look.title}.png"
        try:
            _write(path, ending.result, drawing, card, upscaler)
        except (PhotoError, OSError) as error:
            reporter.failed(str(path), Failure(said(error)))
            continue
        reporter.result(f"{path}", path=str(path), look=look.title, seconds=round(ending.seconds, 3))
    return reporter.finish() if reporter.failures else OK


def _looks(args: argparse.Namespace) -> list[Look]:
    from app.paint.state.look import Look, photo_look, seed_look
    from app.paint.state.opening import PHOTO_SIDE
    from app.paint.state.photo_input import load_picture

    if args.style is not None:
        return [photo_look(load_picture(args.style, PHOTO_SIDE), args.style.stem)]
    if args.seed is None:
        return [Look("plain")]
    return [seed_look(seed) for seed in args.seed]


def _whole(labels: NDArray[np.uint8], card: Card) -> NDArray[np.uint8]:
    """The map without unlabelled pixels, so that the recipe holds what was painted: they become the label that the model has for
    them, else that of the nearest pixel. An empty map is left to be refused."""
    import numpy as np

    from models.labels import UNLABELLED, nearest_source

    known = labels != UNLABELLED
    if known.all() or not known.any():
        return labels
    stands_for: int | None = card.config.get("unlabelled")
    return labels[nearest_source(known)] if stands_for is None else np.where(known, labels, np.uint8(stands_for))


def _upscaler(worker: Engine, card: Card, chosen: str, height: int, width: int) -> str:
    """What enlarges the picture, "" for nothing: what was named, else what the window takes."""
    from app.paint.state.at_hand import upscalers

    if chosen != AUTO:
        return "" if chosen == PLAIN else chosen
    facts = ending_of(worker.run(DeviceRequest()))
    on_processor = isinstance(facts, Failure) or facts.result.device == "cpu"
    return finisher_of(card, upscalers(worker.catalogue), AUTO, height, width, on_processor)


def _strangers(unknown: Any, card: Card) -> Failure:
    listed = ", ".join(str(stranger.number) for stranger in unknown[:5]) + (" ..." if len(unknown) > 5 else "")
    names = ", ".join(f"{label.id} {label.name}" for label in card.labels)
    return Failure(
        "The map holds pixels that are none of the model's labels.",
        f"Unknown: {listed}.",
        f"Use the numbers or colours of {names}; 255 or transparent is unlabelled.",
    )


def _write(path: Path, picture: Any, drawing: Any, card: Card, enlarge_with: str) -> None:
    from app.cli.options import version
    from app.paint.state.recipe import to_recipe
    from app.photos import recipe

    path.parent.mkdir(parents=True, exist_ok=True)
    recipe.write(path, picture, to_recipe(drawing, card.sha256, enlarge_with, version()))


def _counted(updates: Iterator[Update], done: int, total: int) -> Iterator[Update]:
    """The updates, with how many pictures are done before them."""
    if total > 1:
        yield Progress(done, total, "painting")
    yield from updates
