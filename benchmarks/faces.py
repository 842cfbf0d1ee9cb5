"""Milliseconds of a face: previews and the full picture, beside the plain network, on one and two threads.

    python benchmarks/faces.py [--repeat 9] [--threads 1 2]

All variants take turns, so that a busy machine is busy for all of them alike. "wall" is the time that passed, "busy" the
processor time that was used (what counts on a busy machine); both are medians. The ratio is the plain network's busy time
over that of the row. The model is the recommended one (`ganvas models get faces`), the device the processor.
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


def variants() -> dict[str, Callable[[], object]]:
    """What is timed, by name; the plain network first."""
    import torch

    import models
    from models.catalogue import Catalogue
    from models.checkpoints.safetensors_reader import read_safetensors
    from models.checkpoints.source import file_source
    from models.latent import LatentModel
    from models.networks.mobilestylegan import from_tensors
    from models.precision import processor_has_bfloat16

    entry = Catalogue().find("faces")
    if entry is None:
        sys.exit("The model faces is not at hand: ganvas models get faces")
    plain = from_tensors(read_safetensors(file_source(entry.weights)).tensors)
    timed: dict[str, Callable[[], object]] = {}
    for precision in ("float32", "bfloat16") if processor_has_bfloat16() else ("float32",):
        model = models.open("faces", device="cpu", precision=precision)
        assert isinstance(model, LatentModel)
        ws = model.map(model.z_of_seed(3), psi=0.7)
        latents = torch.from_numpy(ws)
        timed.setdefault("plain network, 1024 px, float32", lambda x=latents: plain(x))  # type: ignore[misc]
        for size in (model.resolution, *reversed(model.previews)):
            timed[f"{size} px, {precision}"] = lambda m=model, x=ws, s=size: m.synthesize(x, resolution=s)  # type: ignore[misc]
    return timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    args = parser.parse_args()
    import torch

    timed = variants()
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, median of {args.repeat}")
    for threads in args.threads:
        torch.set_num_threads(threads)
        wall: dict[str, list[float]] = {name: [] for name in timed}
        busy: dict[str, list[float]] = {name: [] for name in timed}
        for turn in range(args.repeat + 1):
            for name, work in timed.items():
                began, used = time.perf_counter(), time.process_time()
                work()
                if turn:  # the first turn fills caches
                    wall[name].append(1000 * (time.perf_counter() - began))
                    busy[name].append(1000 * (time.process_time() - used))
        plain = statistics.median(next(iter(busy.values())))
        print(f"\n{threads} thread{'s' if threads > 1 else ''}\n{'':34}{'wall ms':>9}{'busy ms':>9}{'ratio':>7}")
        for name in timed:
            used_ms = statistics.median(busy[name])
            print(f"{name:34}{statistics.median(wall[name]):9.0f}{used_ms:9.0f}{plain / used_ms:7.1f}")


if __name__ == "__main__":
    main()
