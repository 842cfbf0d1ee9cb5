"""Whether the texture of enlarged photos is like that of photos, by a judge that no upscaler was trained with: Inception.

    python benchmarks/texture.py PHOTOS [--models photo-x4 photo-x4-faithful] [--set BSD100] [--photos 40] [--worn]

LPIPS compares place by place, and `ganvas train upscaling --lpips` learns from it. Here pieces of 160 pixels from what is made
are held against pieces of the photos themselves as two sets (FID, KID x 1000, precision, recall; as in
`models/training/distributions.py`): what is smeared, and what is textured as no photo is, lies apart. FID is compared only among
sets of one size. `ganvas measure get` or --wheels gives Inception's numbers.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PIECE = 160  # pixels


def main() -> None:
    """Print a row for the bicubic filter and for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="PHOTOS")
    parser.add_argument("--models", nargs="+", default=["photo-x4", "photo-x4-faithful"], help="upscalers of one scale")
    parser.add_argument("--set", default="BSD100", help="folder of PHOTOS")
    parser.add_argument("--photos", type=int, default=40, help="so many, evenly apart")
    parser.add_argument("--worn", action="store_true", help="photos worn as the training kit wears them")
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    import numpy as np
    import torch
    from PIL import Image

    import models
    from models.training import fidelity
    from models.training.degradations import WORN
    from models.training.distributions import apart
    from models.training.inception import open_inception
    from models.training.patches import clean_or_worn
    from models.training.sheets import spread
    from models.training.source import Source
    from models.upscaling import UpscalingModel

    torch.set_num_threads(args.threads)
    judge = open_inception(wheels=args.wheels)
    ways: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {}
    scales = set()
    for name in args.models:
        model = models.open(name, device="cpu")
        if not isinstance(model, UpscalingModel):
            sys.exit(f"{name} enlarges nothing.")
        ways[name] = model.upscale
        scales.add(model.scale)
    if len(scales) != 1:
        sys.exit("The models enlarge by different factors: name those of one.")
    (scale,) = scales
    ways = {"bicubic": lambda small: fidelity.bicubic(small, scale), **ways}
    source = Source(args.data)
    chosen = spread([name for name in source.photos() if PurePosixPath(name).parent.name == args.set], args.photos)
    found: dict[str, list[Any]] = defaultdict(list)
    for number, name in enumerate(chosen):
        photo = np.array(Image.open(io.BytesIO(source.read(name))).convert("RGB"))
        small = np.array(clean_or_worn(photo, scale, number, WORN if args.worn else None))
        found["photos"].extend(pieces(photo[: small.shape[0] * scale, : small.shape[1] * scale]))
        for way, enlarge in ways.items():
            found[way].extend(pieces(enlarge(small)))
    real = judge.of_all(found["photos"])
    print(f"{args.set}, x{scale}, {len(chosen)} {'worn' if args.worn else 'clean'} photos, {len(real)} pieces of {PIECE} px")
    print(f"{'':<28} {'FID':>7} {'KID':>7} {'precision':>10} {'recall':>7}")
    for way in ways:
        figures = apart(real, judge.of_all(found[way]))
        print(f"{way:<28} {figures.fid:7.1f} {figures.kid:7.2f} {figures.precision:10.3f} {figures.recall:7.3f}", flush=True)


def pieces(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Squares along both long edges of a picture `[H, W, 3]`: three where it is wide, two where it is not."""
    height, width = picture.shape[:2]
    count = 3 if width > height else 2
    for top in (0, height - PIECE):
        for number in range(count):
            left = (width - PIECE) * number // (count - 1)
            yield picture[top : top + PIECE, left : left + PIECE]


if __name__ == "__main__":
    main()
