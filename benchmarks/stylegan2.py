"""Milliseconds of a StyleGAN2 picture beside the published code, same random weights, on the processor.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch /tmp/upstream
    python benchmarks/stylegan2.py --upstream /tmp/upstream [--sides 256 1024] [--threads 1 2] [--repeat 5]

The published network is built with its defaults (512 channels at most, 32768 over the side) and run as its `generate.py` does
on a processor: in float32, by its own reference operators. Its weights go through our reader of pickles' tensors. All variants
take turns. "wall" is the time that passed, "busy" the processor time that was used; both are medians, and the ratio is the
published code's over ours. "error" is the largest difference to the published picture, in parts of its range.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def published(upstream: Path, side: int) -> Any:
    """Their generator with random weights, noise and biases not zero."""
    import torch

    sys.path.insert(0, str(upstream))
    from training.networks import Generator  # type: ignore[import-not-found]

    torch.manual_seed(0)
    synthesis = {"channel_base": 32768, "channel_max": 512, "num_fp16_res": 4, "conv_clamp": 256}
    network = Generator(512, 0, 512, side, 3, mapping_kwargs={"num_layers": 8}, synthesis_kwargs=synthesis)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias") and "affine" not in name:
                parameter.normal_(std=0.1)
            elif name.endswith("noise_strength"):
                parameter.fill_(0.1)
    return network.eval().requires_grad_(False)


def ours(network: Any, precision: str) -> Any:
    """The same network as Ganvas opens it."""
    from models.checkpoints.families.stylegan2 import FAMILY
    from models.checkpoints.family import Contents
    from models.opening import assemble

    card, tensors = FAMILY.convert(Contents("safetensors", dict(network.state_dict()), "random.safetensors", "ab"), {})
    card.config["clamp"] = 256.0
    return assemble(card, tensors, "cpu", precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, required=True)
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 1024])
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    import torch

    from models.precision import processor_has_bfloat16

    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, median of {args.repeat}")
    for side in args.sides:
        network = published(args.upstream, side)
        z = torch.randn(1, 512)
        ws = network.mapping(z, None)
        variants: dict[str, Callable[[], Any]] = {
            "published code": lambda n=network, w=ws: n.synthesis(w, noise_mode="const", force_fp32=True)  # type: ignore[misc]
        }
        for precision in ("float32", "bfloat16") if processor_has_bfloat16() else ("float32",):
            model = ours(network, precision)
            variants[f"Ganvas, {precision}"] = lambda m=model, w=ws: m.synthesize(w.numpy())  # type: ignore[misc]
        for threads in args.threads:
            torch.set_num_threads(threads)
            measure(f"{side} px, {threads} thread{'s' if threads > 1 else ''}", variants, args.repeat)


def measure(title: str, variants: dict[str, Callable[[], Any]], repeat: int) -> None:
    """Print a table of the variants, the first being what the others are held against."""
    import torch

    wall: dict[str, list[float]] = {name: [] for name in variants}
    busy: dict[str, list[float]] = {name: [] for name in variants}
    errors: dict[str, float] = {}
    want = None
    for turn in range(repeat + 1):
        for name, work in variants.items():
            began, used = time.perf_counter(), time.process_time()
            with torch.inference_mode():
                picture = torch.as_tensor(work())
            if turn:  # the first turn fills caches
                wall[name].append(1000 * (time.perf_counter() - began))
                busy[name].append(1000 * (time.process_time() - used))
            want = picture if want is None else want
            errors[name] = float((picture - want).abs().max() / (want.max() - want.min()))
    print(f"\n{title}\n{'':24}{'wall ms':>9}{'ratio':>7}{'busy ms':>9}{'ratio':>7}{'error':>10}")
    first = next(iter(variants))
    for name in variants:
        passed, used_ms = statistics.median(wall[name]), statistics.median(busy[name])
        ratios = statistics.median(wall[first]) / passed, statistics.median(busy[first]) / used_ms
        print(f"{name:24}{passed:9.0f}{ratios[0]:7.1f}{used_ms:9.0f}{ratios[1]:7.1f}{errors[name]:10.1e}")


if __name__ == "__main__":
    main()
