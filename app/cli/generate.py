"""`ganvas generate`: pictures of a latent model from seeds, each with its recipe inside."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.choosing import card_of
from app.cli.options import UsageError, engine, positive
from app.cli.report import Reporter, said
from app.inference.requests import GenerateRequest
from app.inference.updates import Failure, Generated

if TYPE_CHECKING:
    from app.inference.engine import Engine
    from models.card import Card

HELP = "make pictures from seeds"
EXAMPLES = """\
  ganvas generate --seeds 0-15 --out faces/
  ganvas generate --model faces --seeds 7,12,40-44 --psi 0.6 --out faces/
  ganvas generate --seeds 3 --direction yaw=1.5 --direction smile=2 --out smiling/
  ganvas generate --seeds 3 --mix 12:0-4 --size 256 --out drafts/
  ganvas generate --model stylegan2-ffhq.pkl --seeds 85 --out published/"""

LAST_SEED = 2**32 - 1
MOST_SEEDS = 1_000_000
MOST_LAYERS = 64
MOST_PSI = 10
FORMATS = ("png", "jpg", "webp")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument(
        "--model", metavar="M", help="a model that makes pictures from seeds: name or file (default: the best at hand)"
    )
    parser.add_argument(
        "--seeds", type=seeds, default=(0,), metavar="LIST", help="numbers and ranges: 0-15 or 3,7,20-24 (default: 0)"
    )
    parser.add_argument(
        "--psi", type=truncation, default=0.7, metavar="X", help="truncation: 0 the average, 1 all variety (default: 0.7)"
    )
    parser.add_argument("--truncation-cutoff", type=positive, metavar="N", help="truncate the first N layers only (default: all)")
    parser.add_argument(
        "--direction", type=direction, action="append", default=[], metavar="NAME=VALUE", help="move along a direction, in sigmas"
    )
    parser.add_argument("--mix", type=mix, metavar="SEED:LAYERS", help="layers that another seed gives, as 12:0-4 or 12:9,10")
    parser.add_argument("--label", type=int, metavar="N", help="class number, for models that have classes")
    parser.add_argument("--noise", choices=("const", "random", "none"), default="const", help="fine detail (default: const)")
    parser.add_argument("--noise-seed", type=int, default=0, metavar="N", help="the number that draws random noise (default: 0)")
    parser.add_argument("--size", type=positive, metavar="PX", help="a preview of about this size, where the model has one")
    parser.add_argument(
        "--enlarge-with", metavar="M", help="a model that enlarges the pictures, as photo-x4 (default: their own size)"
    )
    parser.add_argument("--format", choices=FORMATS, default="png", help="kind of file (default: png)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pictures: DIR/seed0007.png")


def truncation(text: str) -> float:
    """A psi, for argparse: beyond this range no model makes a picture."""
    try:
        psi = float(text)
    except ValueError:
        psi = math.nan
    if not abs(psi) <= MOST_PSI:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from -{MOST_PSI} to {MOST_PSI}")
    return psi


def seeds(text: str) -> tuple[int, ...]:
    """Seeds and ranges of them, for argparse."""
    return numbers(text, LAST_SEED, MOST_SEEDS, "seeds")


def mix(text: str) -> tuple[int, tuple[int, ...]]:
    """`SEED:LAYERS`, for argparse."""
    seed, colon, layers = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not SEED:LAYERS, as 12:0-4")
    (one,) = numbers(seed, LAST_SEED, 1, "seeds")
    return one, numbers(layers, MOST_LAYERS - 1, MOST_LAYERS, "layers")


def direction(text: str) -> tuple[str, float]:
    """`NAME=VALUE`, for argparse."""
    name, equals, value = text.partition("=")
    try:
        amount = float(value)
    except ValueError:
        amount = float("nan")
    if not name or not equals or not abs(amount) < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, as smile=1.5")
    return name, amount


def numbers(text: str, largest: int, most: int, what: str) -> tuple[int, ...]:
    """Whole numbers from a list like `3,7,20-24`, in its order and each once; an error of usage where it cannot mean that."""
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of {what}, as 3,7,20-24")
        low, high = int(first), int(last if dash else first)
        if not low <= high <= largest or high - low >= most:
            raise argparse.ArgumentTypeError(f"{part.strip()!r} is no range of at most {most} {what} up to {largest}")
        found |= dict.fromkeys(range(low, high + 1))
    if len(found) > most:
        raise argparse.ArgumentTypeError(f"these are more than {most} {what}")
    return tuple(found)


def run(args: argparse.Namespace) -> int:
    """Generate each seed's picture and write it with its recipe."""
    if args.size is not None and args.enlarge_with is not None:
        raise UsageError("--size asks for a preview, --enlarge-with for more than the full picture: give one of them.")
    if not 0 <= args.noise_seed <= LAST_SEED:
        raise UsageError(f"--noise-seed is between 0 and {LAST_SEED}.")
    reporter = Reporter(args.json)
    machine = engine(args)
    found = latent_model(machine, args.model)
    if isinstance(found, Failure):
        reporter.failed(args.model or "generate", found)
        return reporter.finish()
    name, card = found
    for number, seed in enumerate(args.seeds):
        if len(args.seeds) > 1:
            reporter.progress(number, len(args.seeds), f"seed {seed}")
        ending = reporter.follow(machine.run(_request(args, name, seed)))
        if isinstance(ending, Failure):
            reporter.failed(f"seed {seed}", ending)
        else:
            _keep(args, reporter, card, name, seed, ending.result)
        if not reporter.done:  # what does not work for the first seed works for none
            break
    return reporter.finish()


def _keep(args: argparse.Namespace, reporter: Reporter, card: Card, name: str, seed: int, made: Generated) -> None:
    from app.photos import recipe
    from app.photos.photo import PhotoError

    path = args.out / f"seed{seed:04d}.{args.format}"
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        recipe.write(path, made.picture, _recipe(args, card, name, seed), "generated")
    except (PhotoError, OSError) as error:
        reporter.failed(str(path), Failure(said(error)))
        return
    height, width = made.picture.shape[:2]
    reporter.result(
        f"{path}  {width} x {height}  {made.milliseconds:.0f} ms",
        path=str(path),
        seed=seed,
        width=width,
        height=height,
        milliseconds=round(made.milliseconds, 1),
    )


def _request(args: argparse.Namespace, name: str, seed: int) -> GenerateRequest:
    mix_seed, mix_layers = args.mix or (None, ())
    return GenerateRequest(
        model=name,
        seeds=((seed, 1.0),),
        psi=args.psi,
        cutoff=args.truncation_cutoff,
        directions=tuple(args.direction),
        mix_seed=mix_seed,
        mix_layers=mix_layers,
        label=args.label,
        noise=args.noise,
        noise_seed=args.noise_seed,
        resolution=args.size,
        enlarge_with=args.enlarge_with,
    )


def _recipe(args: argparse.Namespace, card: Card, name: str, seed: int) -> dict[str, Any]:
    """The making-of as Explore writes it, so that a picture of the command line opens there too."""
    from app.explore.state import Document
    from app.explore.variation import Variation

    mix_seed, mix_layers = args.mix or (None, ())
    document = Document()
    moved = Variation(
        model=name,
        psi=args.psi,
        cutoff=args.truncation_cutoff,
        mix_seed=mix_seed,
        mix_layers=mix_layers,
        label=args.label,
        noise=args.noise,
        noise_seed=args.noise_seed,
    ).at_seed(seed)
    for direction_name, sigmas in args.direction:
        moved = moved.along(direction_name, moved.direction(direction_name) + sigmas)
    document.now = moved
    return document.to_recipe(card.sha256, card.title, args.enlarge_with or "")


def latent_model(machine: Engine, wanted: str | None) -> tuple[str, Card] | Failure:
    """Name (or path) and card of the model asked for; without one the first latent model of the catalogue."""
    if wanted is None:
        entry = next((entry for entry in machine.catalogue.entries() if entry.card.task == "latent"), None)
        if entry is None:
            return Failure("There is no model that makes pictures from seeds.", "", "`ganvas models get faces` fetches one.")
        return entry.name, entry.card
    card = card_of(machine, wanted, "make pictures from seeds", "latent")
    return card if isinstance(card, Failure) else (wanted, card)
