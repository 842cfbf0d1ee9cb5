"""A batch of photos from file to file: as Ganvas enlarges them, beside the plain way to do it, with the same weights.

    python benchmarks/upscale_beside.py [--model realesrgan-x4plus] [--photos 12] [--width 1632] [--height 1224] [--tile 512]
                                        [--repeat 1] [--threads 1]

The plain way is that of inference scripts: decode a photo, run the plain network in float32 over one tile after another, each
with ten pixels around it, put the result together, encode it, take the next photo. Ganvas does it on its belt (decode, network
and encode overlap) in the precision it chooses, and in float32. The ways take turns; "wall" is the time that passed, "busy" the
processor time that was used (what counts on a busy machine), both medians. "off" is how far the files are from the plain
ones, in levels of 255 (mean, and 99.9 %).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from app.inference.engine import Engine  # noqa: E402
from app.photos.decoding import decode  # noqa: E402
from app.photos.encoding import encode  # noqa: E402
from app.photos.photo import Photo  # noqa: E402
from app.photos.resizing import resize  # noqa: E402
from app.upscale.conveyor import Conveyor  # noqa: E402
from app.upscale.driving import drive  # noqa: E402
from app.upscale.inputs import Found  # noqa: E402
from app.upscale.items import Event  # noqa: E402
from app.upscale.plan import Choices, Planner  # noqa: E402
from app.upscale.sizes import parse_target  # noqa: E402
from benchmarks.upscale import sample  # noqa: E402
from models import device  # noqa: E402

AROUND = 10  # pixels around a tile of the plain way


def plain_network(model: str) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """The plain network of a model at hand, in float32, as a function of one tile `[h, w, 3]`."""
    import torch

    from models.catalogue import Catalogue
    from models.checkpoints.families.compact import configuration as compact_configuration
    from models.checkpoints.families.esrgan import configuration as rrdb_configuration
    from models.checkpoints.safetensors_reader import read_safetensors
    from models.checkpoints.source import file_source
    from models.networks.compact import Compact
    from models.networks.rrdbnet import RRDBNet

    entry = Catalogue().find(model)
    if entry is None or entry.card.family not in ("esrgan", "compact"):
        sys.exit(f"There is no model {model!r} of the families esrgan and compact at hand.")
    tensors = {name: tensor.float() for name, tensor in read_safetensors(file_source(entry.weights)).tensors.items()}
    network: torch.nn.Module
    if entry.card.family == "esrgan":
        network = RRDBNet(rrdb_configuration(tensors))
    else:
        network = Compact(compact_configuration(tensors, entry.card.config.get("resized", 0)))
    network.load_state_dict(tensors)
    network.eval()

    def enlarge(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with torch.no_grad():
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(255)[None].contiguous()
            made = network(x)[0].clamp(0, 1).mul(255).round()
        return made.permute(1, 2, 0).to(torch.uint8).numpy()

    return enlarge


def plainly(pixels: NDArray[np.uint8], enlarge: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], tile: int, scale: int) -> Photo:
    """A whole photo, one tile after another."""
    height, width = pixels.shape[:2]
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(height, top + tile), min(width, left + tile)
            first, start = max(0, top - AROUND), max(0, left - AROUND)
            made = enlarge(pixels[first : bottom + AROUND, start : right + AROUND])
            core = made[(top - first) * scale : (bottom - first) * scale, (left - start) * scale : (right - start) * scale]
            result[top * scale : bottom * scale, left * scale : right * scale] = core
    return Photo(result)


def on_the_belt(engine: Engine, choices: Choices, paths: list[Path]) -> None:
    """All photos as a job of the Upscale panel does them."""
    planner = Planner(choices)
    with Conveyor(choices) as conveyor:
        for index, path in enumerate(paths):
            conveyor.add(index, planner.plan(Found(path)))
        drive(conveyor, engine, _no_failure)


def _no_failure(event: Event) -> None:
    if event.failure is not None:
        sys.exit(str(event.failure))


def photos(folder: Path, count: int, width: int, height: int) -> list[Path]:
    """So many different JPEG photos of this size."""
    pixels = resize(sample().pixels, width, height)
    paths = [folder / f"photo{i}.jpg" for i in range(count)]
    for i, path in enumerate(paths):
        encode(Photo(np.roll(pixels, 17 * i, 1)), path, quality=92)
    return paths


def apart(pairs: list[tuple[Path, Path]]) -> str:
    """How far the first of each pair is from the second, of all pixels: the mean, and what 99.9 % stay within."""
    levels = np.zeros(256, np.int64)
    for one, other in pairs:
        off = np.abs(decode(one).pixels.astype(np.int16) - decode(other).pixels)
        levels += np.bincount(off.ravel(), minlength=256)
    share = levels.cumsum() / levels.sum()
    return f"{levels @ np.arange(256) / levels.sum():.2f} {np.searchsorted(share, 0.999)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="realesrgan-x4plus")
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--width", type=int, default=1632)
    parser.add_argument("--height", type=int, default=1224)
    parser.add_argument("--tile", type=int, default=512, help="side of a tile of the plain way")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    device.start(args.threads)
    enlarge = plain_network(args.model)
    with tempfile.TemporaryDirectory(prefix="ganvas-benchmark-") as name:
        folder = Path(name)
        paths = photos(folder, args.photos, args.width, args.height)
        engines = {"Ganvas": Engine(), "Ganvas, float32": Engine(precision="float32")}
        entry = engines["Ganvas"].catalogue.find(args.model)
        assert entry is not None
        scale = entry.card.scale
        outs = {way: folder / way for way in ("plain", *engines)}
        outs["plain"].mkdir()

        def plain() -> None:
            for path in paths:
                made = plainly(decode(path).pixels, enlarge, args.tile, scale)
                encode(made, outs["plain"] / f"{path.stem}.png")

        def ganvas(way: str) -> None:
            choices = Choices(
                args.model, scale, parse_target(f"x{scale}"), outs[way], "png", on_exists="overwrite", template="{name}"
            )
            on_the_belt(engines[way], choices, paths)

        ways: dict[str, Callable[[], None]] = {"plain": plain, **{way: lambda w=way: ganvas(w) for way in engines}}  # type: ignore[misc]
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(args.repeat):
            for way, work in ways.items():
                wall, busy = time.perf_counter(), time.process_time()
                work()
                times[way].append((time.perf_counter() - wall, time.process_time() - busy))
        print(
            f"{args.photos} photos of {args.width} x {args.height} px, {args.model}, {args.threads} threads, "
            f"plain tiles of {args.tile} px, median of {args.repeat}"
        )
        print(f"{'':18}{'wall s':>9}{'busy s':>9}{'ratio wall':>12}{'ratio busy':>12}{'off':>14}")
        for way, seen in times.items():
            wall, busy = (statistics.median(column) for column in zip(*seen, strict=True))
            ratios = [statistics.median(a[i] / b[i] for a, b in zip(times["plain"], seen, strict=True)) for i in range(2)]
            said = apart([(outs[way] / f"{path.stem}.png", outs["plain"] / f"{path.stem}.png") for path in paths])
            print(f"{way:18}{wall:9.2f}{busy:9.2f}{ratios[0]:12.2f}{ratios[1]:12.2f}{said:>14}")


if __name__ == "__main__":
    main()
