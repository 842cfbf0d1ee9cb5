"""Megapixels a second of the upscaling networks: as Ganvas runs them, beside the plain network in float32.

    python benchmarks/upscale_networks.py [--size 256] [--repeat 5] [--threads 1 2] [--only compact]

"plain" is the network as its authors write it: float32, NCHW, the whole picture at once, gradients off. "ours" is
`UpscalingModel.upscale` with its tiles, in float32 and, where the processor has it, in bfloat16. All variants take turns, so
that a busy machine is busy for all of them alike; "wall" is the time that passed, "busy" the processor time that was used (what
counts on a busy machine), both medians. Ratios are of busy times within a turn, their median. Weights are random:
speed does not depend on them. "off" is how far the picture is from the plain one, in levels of 255 (mean, and 99.9 %).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.turns import in_turns, medians, off, ratio  # noqa: E402


def networks() -> dict[str, tuple[Any, Any, Any]]:
    """Name to (configuration, plain network, fast network)."""
    from models.networks.compact import Compact, CompactConfig, FastCompact
    from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet

    return {
        "RRDBNet x4, 23 blocks (Real-ESRGAN x4plus)": (RRDBConfig(3, 3, 64, 32, 23, 2), RRDBNet, FastRRDBNet),
        "RRDBNet x4, 6 blocks (x4plus-anime)": (RRDBConfig(3, 3, 64, 32, 6, 2), RRDBNet, FastRRDBNet),
        "compact x4, 16 inner layers (animevideov3)": (CompactConfig(3, 64, 16, 4), Compact, FastCompact),
    }


def filled(network: Any) -> Any:
    """Random weights that keep the picture about as lively as a trained network does."""
    import torch

    random = torch.Generator().manual_seed(1)
    for tensor in network.state_dict().values():
        if tensor.ndim == 4:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5 * 0.7, generator=random)
        else:
            tensor.normal_(0, 0.05, generator=random)
    return network.eval()


def compare(name: str, config: Any, kind: Any, fast: Any, size: int, repeat: int) -> None:
    """Print the rows of one network."""
    import torch

    from models.card import Card
    from models.precision import Runtime, processor_has_bfloat16
    from models.upscaling import UpscalingModel

    torch.manual_seed(0)
    plain = filled(kind(config))
    photo = torch.nn.functional.interpolate(torch.rand(1, 3, size // 4, size // 4), (size, size), mode="bicubic").clamp(0, 1)
    image = photo[0].permute(1, 2, 0).contiguous().numpy()
    variants: dict[str, Callable[[], Any]] = {"plain, float32": lambda: _plain(plain, photo)}
    for dtype in (torch.float32, torch.bfloat16) if processor_has_bfloat16() else (torch.float32,):
        card = Card("x", "x", "upscaling", "x", scale=config.scale)
        model = UpscalingModel(card, lambda where: fast(config, plain.state_dict(), where), Runtime(torch.device("cpu"), dtype))
        variants[f"ours, {model.runtime.precision}"] = lambda m=model: m.upscale(image)  # type: ignore[misc]
    turns, pictures = in_turns(variants, repeat)
    print(f"\n{name}, {size} x {size} px, {torch.get_num_threads()} threads")
    print(f"{'':28}{'wall s':>9}{'busy s':>9}{'MP/s out':>10}{'ratio':>8}{'off':>14}")
    plain_times, want = turns["plain, float32"], pictures["plain, float32"]
    for variant, times in turns.items():
        wall, busy = medians(times)
        speed, gain = (size * config.scale) ** 2 / 1e6 / wall, ratio(plain_times, times)
        print(f"{variant:28}{wall:9.2f}{busy:9.2f}{speed:10.3f}{gain:8.2f}{off(pictures[variant], want):>14}", flush=True)


def _plain(network: Any, photo: Any) -> Any:
    import torch

    with torch.no_grad():
        return network(photo)[0].permute(1, 2, 0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the photo in pixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--only", default="", help="networks whose name holds this")
    args = parser.parse_args()
    import torch

    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, median of {args.repeat}")
    for threads in args.threads:
        torch.set_num_threads(threads)
        for name, (config, kind, fast) in networks().items():
            if args.only in name:
                compare(name, config, kind, fast, args.size, args.repeat)


if __name__ == "__main__":
    main()
