"""Seconds of painting and translating at 256 px: as Ganvas runs the networks, beside the plain ones in float32.

    python benchmarks/image_networks.py [--repeat 5] [--threads 1 2] [--only SPADE] [--upstream SPADE_CHECKOUT]

Same random weights for all variants of a network, which take turns; "wall" is the time that passed, "busy" the processor time
that was used (what counts on a busy machine), both medians; the ratio is that of busy times. With `--upstream`, a checkout of
github.com/NVlabs/SPADE, its own generator (evaluation mode) is timed too, in a process of its own, with the same weights; the
two packages that it asks for beside torch and never uses here are stood in for. "off" is how far a picture is from the plain
one, in levels of 255 (mean, and 99.9 %).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.turns import Times, in_turns, medians, off  # noqa: E402

UPSTREAM = """
import argparse, sys, time, types
import torch
for name in ("torchvision", "dill", "models", "models.networks", "models.networks.sync_batchnorm"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["models"].__path__ = [sys.argv[1] + "/models"]
sys.modules["models.networks"].__path__ = [sys.argv[1] + "/models/networks"]
sys.modules["models.networks.sync_batchnorm"].SynchronizedBatchNorm2d = torch.nn.BatchNorm2d
sys.path.insert(0, sys.argv[1])
from models.networks.generator import SPADEGenerator
torch.set_num_threads(int(sys.argv[4]))
settings = dict(ngf=64, semantic_nc=184, use_vae=False, z_dim=256, norm_G="spectralspadesyncbatch3x3", gpu_ids=[], label_nc=182)
network = SPADEGenerator(argparse.Namespace(num_upsampling_layers="normal", crop_size=256, aspect_ratio=1.0, **settings)).eval()
stored = torch.load(sys.argv[2], weights_only=True)
network.load_state_dict(stored["state"], strict=False)
times = []
with torch.no_grad():
    for _ in range(int(sys.argv[3]) + 1):
        wall, busy = time.perf_counter(), time.process_time()
        network(stored["labels"])
        times.append((time.perf_counter() - wall, time.process_time() - busy))
for row in times[1:]:
    print(*row)
"""


def cases() -> dict[str, tuple[Any, Callable[[Any], Any], str, tuple[Any, ...]]]:
    """Name to (plain network, maker of the fast one for a runtime, its call, what goes in)."""
    import torch

    from models.networks.resnet_translator import FastResNetTranslator, ResNetConfig, ResNetTranslator
    from models.networks.spade import FastSPADE, SPADEConfig, SPADEGenerator
    from models.networks.unet_translator import FastUNetTranslator, UNetConfig, UNetTranslator

    photo = torch.rand(1, 3, 256, 256) * 2 - 1
    spade = SPADEConfig(184, 64, 128, 3, 5, 0, (0, 0), batch=True)
    cyclegan = ResNetConfig(3, 3, 64, 128, 256, (256,) * 9, 128, 64, separable=False, batch=False)
    slim = ResNetConfig(3, 3, 16, 32, 128, (64, 128) * 4 + (64,), 32, 16, separable=True, batch=False)
    unet = UNetConfig(3, 3, (64, 128, 256, 512, 512, 512, 512, 512), batch=True)
    rows: tuple[tuple[str, Any, Any, Any, str, tuple[Any, ...]], ...] = (
        ("SPADE, COCO, normal", spade, SPADEGenerator, FastSPADE, "render", (landscape(), None)),
        ("CycleGAN, ResNet of 9 blocks", cyclegan, ResNetTranslator, FastResNetTranslator, "translate", (photo,)),
        ("GAN Compression, horse to zebra", slim, ResNetTranslator, FastResNetTranslator, "translate", (photo,)),
        ("pix2pix, U-Net", unet, UNetTranslator, FastUNetTranslator, "translate", (photo,)),
    )
    found = {}
    for name, config, kind, fast, call, inputs in rows:
        plain = filled(kind(config))
        make = lambda runtime, f=fast, c=config, p=plain: f(c, p.state_dict(), runtime)  # noqa: E731
        found[name] = (plain, make, call, inputs)
    return found


def landscape() -> Any:
    """Label shares of a simple scene: sky, mountains, sea, a beach and a tree."""
    import torch

    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    labels = torch.full((256, 256), 156)
    labels[y > 90 + 20 * torch.sin(x / 30)] = 134
    labels[y > 130 + 4 * torch.sin(x / 17)] = 154
    labels[y > 200 - x * 0.2] = 153
    labels[(x - 60) ** 2 + (y - 140) ** 2 < 900] = 168
    return torch.nn.functional.one_hot(labels, 184).permute(2, 0, 1)[None].float()


def filled(network: Any) -> Any:
    """Random weights that keep the picture lively, and norms that do not blow up."""
    import torch

    random = torch.Generator().manual_seed(1)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.uniform_(0.7, 1.4, generator=random)
        elif tensor.ndim > 1:
            tensor.normal_(0, 0.6 / tensor[0].numel() ** 0.5, generator=random)
        else:
            tensor.normal_(0, 0.05, generator=random)
    return network.eval()


def upstream(checkout: Path, plain: Any, labels: Any, repeat: int, threads: int) -> Times:
    """Times of upstream's own SPADE generator with these weights; its spectral norms get vectors that measure 1."""
    import torch

    state = {}
    for name, tensor in plain.state_dict().items():
        theirs = name.replace("mlp_shared.", "mlp_shared.0.").replace(".running", ".param_free_norm.running")
        if name.endswith(("conv_0.weight", "conv_1.weight", "conv_s.weight")):
            u = torch.ones(tensor.shape[0])
            v = tensor.flatten(1).T @ u
            state |= {f"{theirs}_orig": tensor, f"{theirs}_u": u, f"{theirs}_v": v / v.square().sum()}
        else:
            state[theirs] = tensor
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"state": state, "labels": labels}, Path(folder) / "weights.pth")
        command = [sys.executable, "-c", UPSTREAM, str(checkout), f"{folder}/weights.pth", str(repeat), str(threads)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [(float(wall), float(busy)) for wall, busy in (line.split() for line in said.splitlines())]


def compare(name: str, case: tuple[Any, ...], repeat: int, checkout: Path | None) -> None:
    """Print the rows of one network."""
    import torch

    from models.precision import Runtime, processor_has_bfloat16
    from models.steps import drain

    plain, make, call, inputs = case
    variants: dict[str, Callable[[], Any]] = {"plain, float32": lambda: plain(*inputs)}
    for dtype in (torch.float32, torch.bfloat16) if processor_has_bfloat16() else (torch.float32,):
        runtime = Runtime(torch.device("cpu"), dtype)
        steps = getattr(make(runtime), call)
        variants[f"ours, {runtime.precision}"] = lambda s=steps: drain(s(*inputs))  # type: ignore[misc]
    with torch.inference_mode():
        turns, pictures = in_turns(variants, repeat)
    shown = {variant: (picture.float().numpy() + 1) / 2 for variant, picture in pictures.items()}
    if checkout is not None and "SPADE" in name:
        turns["upstream, float32"] = upstream(checkout, plain, inputs[0], repeat, torch.get_num_threads())
    _, base = medians(turns.get("upstream, float32", turns["plain, float32"]))
    print(f"\n{name}, {torch.get_num_threads()} threads")
    print(f"{'':24}{'wall s':>9}{'busy s':>9}{'ratio':>8}{'off':>14}")
    for variant, times in turns.items():
        wall, busy = medians(times)
        said = off(shown[variant], shown["plain, float32"]) if variant in shown else ""
        print(f"{variant:24}{wall:9.3f}{busy:9.3f}{base / busy:8.2f}{said:>14}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--only", default="", help="networks whose name holds this")
    parser.add_argument("--upstream", type=Path, help="a checkout of NVlabs/SPADE")
    args = parser.parse_args()
    import torch

    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, median of {args.repeat}")
    for threads in args.threads:
        torch.set_num_threads(threads)
        for name, case in cases().items():
            if args.only in name:
                compare(name, case, args.repeat, args.upstream)


if __name__ == "__main__":
    main()
