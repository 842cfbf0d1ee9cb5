"""`ganvas label`: photos become label maps, which `ganvas paint` and the Paint panel paint anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.names import free, taken
from app.cli.options import engine, positive
from app.cli.report import Reporter, said
from app.inference.requests import LabelRequest
from app.inference.updates import Failure

if TYPE_CHECKING:
    from app.inference.engine import Engine
    from app.inference.updates import Labelled

DEFAULT_MODEL = "labeller"

HELP = "make label maps from photos, to be painted anew"
EXAMPLES = """\
  ganvas label valley.jpg --out maps/
  ganvas label holiday/*.jpg --side 1024 --out maps/
  ganvas label valley.jpg --out maps/ && ganvas paint maps/valley.png --style valley.jpg --out painted.png"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="landscape photos of any size")
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="M", help=f"a labeller: name or file (default: {DEFAULT_MODEL})"
    )
    parser.add_argument(
        "--side", type=positive, metavar="PX", help="longest side of the maps (default: that of the photo, at most 8192)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the maps (PNG with label numbers, names and colours)"
    )


def run(args: argparse.Namespace) -> int:
    """Label each photo and write its map; what cannot be read is said, and the others go on."""
    from app.paint.state.drawing import LARGEST_SIDE
    from app.photos.photo import PhotoError

    reporter = Reporter(args.json)
    worker = engine(args)
    written = taken(args.out, args.photos)
    for number, photo in enumerate(args.photos):
        reporter.progress(number, len(args.photos), "photos")
        try:
            found = _labelled(worker, reporter, photo, args.model, min(args.side or LARGEST_SIDE, LARGEST_SIDE))
            if isinstance(found, Failure):
                reporter.failed(str(photo), found)
                continue
            path = free(args.out, photo.stem, written)
            _write(path, found)
        except PhotoError as error:
            reporter.failed(str(photo), Failure(error.what, "", error.hint))
            continue
        except OSError as error:
            reporter.failed(str(photo), Failure(said(error)))
            continue
        shares = _shares(found)
        told = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:4])
        reporter.result(f"{path}: {told}", path=str(path), photo=str(photo), labels=shares)
    return reporter.finish()


def _labelled(worker: Engine, reporter: Reporter, photo: Path, model: str, side: int) -> Labelled | Failure:
    from app.paint.state.photo_input import load_picture

    ending = reporter.follow(worker.run(LabelRequest(model, load_picture(photo, side))))
    if isinstance(ending, Failure):
        return ending
    found: Labelled = ending.result
    return found


def _write(path: Path, found: Labelled) -> None:
    from app.paint.state.map_files import map_bytes
    from app.photos import placing

    path.parent.mkdir(parents=True, exist_ok=True)
    placing.write(path, [map_bytes(found.label_map, found.labels)])


def _shares(found: Labelled) -> dict[str, float]:
    """Which part of the map each label covers, the largest first."""
    import numpy as np

    counts = np.bincount(found.label_map.reshape(-1), minlength=256) / found.label_map.size
    shares = {label.name: round(float(counts[label.id]), 4) for label in found.labels if counts[label.id]}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
