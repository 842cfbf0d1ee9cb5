"""Milliseconds of a landscape at several sizes: the folded generator beside the plain one, in each number format.

    python benchmarks/paint.py [--repeat 9] [--threads 2] [--sides 256 384 512]

All variants take turns, so that a busy machine is busy for all of them alike. "wall" is the time that passed, "busy" the
processor time that was used; both are medians. "apart" is the largest difference from the plain network in float32, in
levels of 255. "whole" is `PaintingModel.paint` of a 1024 px canvas: shares, network and the plain enlargement together.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 384, 512])
    args = parser.parse_args()

    import numpy as np
    import torch
    from PIL import Image

    import models
    from models.catalogue import Catalogue
    from models.checkpoints.safetensors_reader import read_safetensors
    from models.checkpoints.source import file_source
    from models.networks.landscape import FoldedGenerator, LandscapeConfig, LandscapeGenerator, noise_planes
    from models.precision import processor_has_bfloat16
    from models.steps import drain

    torch.set_num_threads(args.threads)
    entry = Catalogue().find("landscapes")
    if entry is None:
        sys.exit("The model landscapes is not at hand.")
    config = LandscapeConfig.from_dict(entry.card.config)
    tensors = read_safetensors(file_source(entry.weights)).tensors

    def generator() -> LandscapeGenerator:
        network = LandscapeGenerator(config)
        own = {k.removeprefix("generator."): v.float() for k, v in tensors.items() if k.startswith("generator.")}
        network.load_state_dict({**network.state_dict(), **own})
        return network.eval().requires_grad_(False)

    plain = generator()
    formats = [torch.float32] + ([torch.bfloat16] if processor_has_bfloat16() else [])
    folded = {str(dtype).removeprefix("torch."): FoldedGenerator(generator(), dtype) for dtype in formats}
    drawn = np.asarray(Image.open(ROOT / "resources" / "samples" / "maps" / "lake.png"))
    print(f"{entry.card.title}, {sum(p.numel() for p in plain.parameters()) / 1e6:.1f} M parameters, {args.threads} threads")
    print(f"{'side':>6} {'variant':<18} {'wall ms':>8} {'busy ms':>8} {'ratio':>6} {'apart':>6}")
    style = torch.zeros(1, config.style_dim)
    for side in args.sides:
        numbers = np.asarray(Image.fromarray(drawn).resize((side, side), Image.Resampling.NEAREST))
        shares = torch.nn.functional.one_hot(torch.from_numpy(numbers.astype(np.int64)), config.labels)
        shares = shares.permute(2, 0, 1)[None].float().contiguous(memory_format=torch.channels_last)
        noise = noise_planes(config, side, side, 0)
        timed: dict[str, Callable[[], torch.Tensor]] = {"plain float32": lambda s=shares, n=noise: plain(s, style, n)}
        for name, fast in folded.items():
            timed[f"folded {name}"] = lambda f=fast, s=shares, n=noise: drain(f.render(s, style, n))
        _table(str(side), timed, args.repeat)
    model = models.open("landscapes", device="cpu")
    canvas = np.asarray(Image.fromarray(drawn).resize((1024, 1024), Image.Resampling.NEAREST))
    _table("1024", {f"whole {model.runtime.precision}": lambda: torch.from_numpy(model.paint(canvas, 1))}, args.repeat)


def _table(side: str, timed: dict[str, Callable[[], object]], repeat: int) -> None:
    import torch

    walls: dict[str, list[float]] = {name: [] for name in timed}
    busies: dict[str, list[float]] = {name: [] for name in timed}
    made = {}
    with torch.inference_mode():
        for turn in range(repeat + 1):
            for name, work in timed.items():
                wall, busy = time.perf_counter(), time.process_time()
                made[name] = work()
                if turn:  # the first round warms up
                    walls[name].append((time.perf_counter() - wall) * 1000)
                    busies[name].append((time.process_time() - busy) * 1000)
    first = next(iter(timed))
    for name in timed:
        wall, busy = statistics.median(walls[name]), statistics.median(busies[name])
        ratio = statistics.median(busies[first]) / busy
        apart = float((made[name].float() - made[first].float()).abs().max()) * 127.5  # type: ignore[attr-defined]
        print(f"{side:>6} {name:<18} {wall:8.1f} {busy:8.1f} {ratio:6.2f} {apart:6.2f}")


if __name__ == "__main__":
    main()
