"""`ganvas project`: the picture of a latent model that is nearest to a photo, saved as a point that Explore edits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.generate import direction, latent_model
from app.cli.names import free, is_one_of, taken
from app.cli.options import UsageError, engine
from app.cli.report import Reporter, ending_of, said
from app.inference.requests import ProjectRequest
from app.inference.updates import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.explore.framing import Place
    from app.inference.engine import Engine
    from app.inference.updates import Projected
    from models.card import Card

HELP = "find a photo of a face among a model's pictures, to be edited"
EXAMPLES = """\
  ganvas project me.jpg --eyes 310,402,455,398 --out me-found.png
  ganvas project me.jpg --model faces --eyes 310,402,455,398 --out me-found.png
  ganvas project aligned/*.png --out found/
  ganvas project me-aligned.png --direction smile=1.5 --out me-smiling.png"""

SIDE = 512  # of what is cut out of a photo: models compare at most half of it


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="photos, of any format that Ganvas reads")
    parser.add_argument(
        "--model", metavar="M", help="a model that makes pictures from seeds: name or file (default: the best at hand)"
    )
    parser.add_argument(
        "--eyes",
        type=places,
        metavar="X,Y,X,Y",
        help="where the eyes lie in pixels, the left one in the picture first (default: the middle square is taken, as aligned)",
    )
    parser.add_argument("--mouth", type=place, metavar="X,Y", help="where the middle of the mouth lies, for a closer framing")
    parser.add_argument(
        "--freedom",
        type=share,
        default=0.5,
        metavar="X",
        help="how far layers may part: 1 comes nearest to the photo, 0 holds them together (default: 0.5)",
    )
    parser.add_argument("--label", type=int, metavar="N", help="class number, for models that have classes")
    parser.add_argument(
        "--direction",
        type=direction,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the found point is moved along before its picture is written, in sigmas",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help="the picture (PNG, JPEG, WebP) with its point inside; a folder for several",
    )


def place(text: str) -> Place:
    """`X,Y`, for argparse."""
    return _numbers(text, 2, "X,Y, as 310,402")[0]


def places(text: str) -> tuple[Place, Place]:
    """`X,Y,X,Y` of two eyes, for argparse."""
    left, right = _numbers(text, 4, "X,Y,X,Y, as 310,402,455,398")
    if left == right:
        raise argparse.ArgumentTypeError("both eyes are at one place")
    return left, right


def share(text: str) -> float:
    """A number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def _numbers(text: str, count: int, wanted: str) -> list[Place]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(abs(number) < 1e6 for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def run(args: argparse.Namespace) -> int:
    """Find each photo and write its picture; what cannot be read is said, and the others go on."""
    from app.photos.photo import PhotoError

    if len(args.photos) > 1 and args.out.suffix:
        raise UsageError(f"--out must be a folder for {len(args.photos)} photos, not {args.out.name}.")
    if args.eyes and len(args.photos) > 1:
        raise UsageError("--eyes are those of one photo: give one.")
    if args.mouth and not args.eyes:
        raise UsageError("--mouth needs --eyes.")
    if is_one_of(args.out, *args.photos):
        raise UsageError(f"--out {args.out} is the photo itself, and would be lost: give another name.")
    reporter, machine = Reporter(args.json), engine(args)
    found = latent_model(machine, args.model)
    if isinstance(found, Failure):
        reporter.failed(args.model or "project", found)
        return reporter.finish()
    named, card = found
    written = taken(args.out, args.photos)
    for photo in args.photos:
        try:
            request = ProjectRequest(named, _square(args, photo), args.freedom, args.label)
            ending = reporter.follow(machine.run(request), photo.name)
            if isinstance(ending, Failure):
                reporter.failed(str(photo), ending)
                continue
            path = args.out if args.out.suffix else free(args.out, photo.stem, written)
            told = _keep(args, machine, path, card, named, ending.result)
        except PhotoError as error:
            reporter.failed(str(photo), Failure(error.what, "", error.hint))
            continue
        except OSError as error:
            reporter.failed(str(photo), Failure(said(error)))
            continue
        if isinstance(told, Failure):
            reporter.failed(str(photo), told)
            continue
        reporter.result(f"{path}  {ending.seconds:.0f} s", path=str(path), photo=str(photo), seconds=round(ending.seconds, 1))
    return reporter.finish()


def _square(args: argparse.Namespace, path: Path) -> NDArray[np.uint8]:
    """What a model is asked to find of a photo."""
    from app.explore.framing import by_face, framed, middle
    from app.photos.decoding import decode
    from app.photos.photo import PhotoError
    from app.photos.showing import photo_picture

    picture = photo_picture(decode(path))
    height, width = picture.shape[:2]
    if not args.eyes:
        return framed(picture, middle(width, height), SIDE)
    left, right = args.eyes
    for x, y in (left, right, *([args.mouth] if args.mouth else [])):
        if not (0 <= x <= width and 0 <= y <= height):
            raise PhotoError(
                f"The place {x:g},{y:g} is outside {path.name}, which is {width} x {height} pixels.",
                hint="Give where the eyes (and the mouth) lie in it, from its upper left corner.",
            )
    return framed(picture, by_face(left, right, args.mouth), SIDE)


def _keep(args: argparse.Namespace, machine: Engine, path: Path, card: Card, name: str, found: Projected) -> Failure | None:
    """Write the picture of what was found, moved along the directions that were named, as Explore writes it."""
    from app.explore.state import Document
    from app.explore.variation import Variation
    from app.photos import recipe

    document = Document()
    document.now = Variation(name, label=args.label).from_latents(found.ws)
    for title, sigmas in args.direction:
        document.now = document.now.along(title, document.now.direction(title) + sigmas)
    ending = ending_of(machine.run(document.now.request()))  # what the recipe makes, to the pixel
    if isinstance(ending, Failure):
        return ending
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe.write(path, ending.result.picture, document.to_recipe(card.sha256, card.title), "generated")
    return None
