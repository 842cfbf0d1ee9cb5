"""PSNR-Y of upscalers beside the bicubic filter, by the customary protocol.

    python benchmarks/psnr.py PHOTOS [--models photo-x4 photo-x2] [--only BSD100] [--limit 20]

PHOTOS is a folder or archive of photos. Each is cropped to a multiple of the scale, reduced by a bicubic filter, enlarged
again, and compared on the Y channel (BT.601) with `scale` pixels left out at each border.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", nargs="+", default=["photo-x4", "photo-x2"])
    parser.add_argument("--only", default="", help="photos whose name holds this")
    parser.add_argument("--limit", type=int, help="so many of them, evenly apart")
    args = parser.parse_args()

    import numpy as np
    from PIL import Image

    import models
    from models.training.source import Source
    from models.training.upscaling import bicubic, psnr_y, reduced

    source = Source(args.photos)
    names = [name for name in source.photos() if args.only in name]
    if args.limit:
        names = names[:: max(1, len(names) // args.limit)]
    print(f"{len(names)} photos")
    print(f"{'model':<16} {'bicubic dB':>10} {'model dB':>9} {'gain':>6} {'mean shift':>11}")
    for model in args.models:
        upscaler = models.open(model, device="cpu")
        scale, ours, plain, shifts = upscaler.card.scale, [], [], []
        for name in names:
            photo = np.array(Image.open(io.BytesIO(source.read(name))).convert("RGB"))
            small = reduced(photo, scale)
            truth = photo[: small.shape[0] * scale, : small.shape[1] * scale]
            made = upscaler.upscale(np.array(small))
            ours.append(psnr_y(made, truth, scale))
            plain.append(psnr_y(bicubic(small, scale), truth, scale))
            shifts.append(float(np.abs((made.astype(float) - truth).mean((0, 1))).max()))
        mine, base = statistics.mean(ours), statistics.mean(plain)
        print(f"{model:<16} {base:10.2f} {mine:9.2f} {mine - base:6.2f} {statistics.mean(shifts):11.2f}")


if __name__ == "__main__":
    main()
