"""What the upscalers promise on a CUDA card, tried there: pictures, speed, memory. Needs torch and numpy.

    python benchmarks/on_a_card.py [--device cuda] [--width 1632] [--height 1224] [--repeat 3] [--small] [--only memory ...]

- Pictures: every way through the engine (float32 and float16, one tile and many, turns, grey, alpha, 16 bits, networks that
  overflow in float16), and the small models of tests/fixtures, against the same on the processor.
- Speed: a photo of 2 megapixels from bytes to bytes by x4 networks, in float16 with what Ganvas does, against the plain way: the
  plain network in float32, one tile of 512 px after another. At least 1.5 times. Beside it the network without what comes before
  and after, and a tile of the plain network in float16 with and without a CUDA graph: what one would gain.
- Amounts: what a card is given at once (rows of a band, tiles of a batch), amount by amount and as it was chosen by measurement;
  with and without pinned memory, and whether the card waits for the processor's calls: what a CUDA graph would gain there.
- Memory: where a person allows but a share of what was used (models/device.py, as `--device-memory` and the window's menu do),
  nothing ends: less is taken at once or tiles become smaller, the picture is the same, no more is used than was allowed;
  afterwards all is as it was. So does an engine that was started with an allowance, or told of it between two photos (tried where
  Pillow is too).
- Transfers: a large result on its way from the card, into memory as it comes and into pinned memory. Nothing is promised.

Each line says what was seen; it ends with exit code 1 where a promise was not kept. `--small` tries each line with small sizes
(with `--device cpu` on any machine: memory is counted there as if it were a card's, and what needs graphs or pinned memory is
passed over, and told).
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

import models  # noqa: E402
from benchmarks.card_amounts import Fixed, amounts  # noqa: E402
from benchmarks.card_promises import alike, broken, model_of, noisy, off, promise, wait, waited  # noqa: E402
from benchmarks.pretended_card import PretendedCard  # noqa: E402
from benchmarks.upscale_networks import filled, networks  # noqa: E402
from models import device as machine  # noqa: E402
from models.allowance import ALL, GB, Allowance  # noqa: E402
from models.at_once import UNTIL_MORE  # noqa: E402
from models.carrying import Arrival  # noqa: E402
from models.networks.compact import Compact, CompactConfig, FastCompact  # noqa: E402
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet  # noqa: E402
from models.networks.streaming import CARD_PIXELS  # noqa: E402
from models.precision import Runtime  # noqa: E402
from models.upscaling import UpscalingModel  # noqa: E402

FIXTURES = ROOT / "tests" / "fixtures" / "checkpoints"
CPU = torch.device("cpu")
PARTS = ("pictures", "speed", "memory", "transfers", "amounts")
SHARES = (2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6)  # of the memory used without a limit


# Pictures


def pictures(device: torch.device, small: bool) -> None:
    print("\nPictures, beside those of the processor in float32 (levels of 255)")
    kinds: dict[str, tuple[Any, Any]] = {
        "compact x4": (Compact(CompactConfig(3, 64, 16, 4)), FastCompact),
        "compact of grey x2": (Compact(CompactConfig(1, 24, 4, 2)), FastCompact),
        "compact x3, resized": (Compact(CompactConfig(3, 64, 4, 4, 3)), FastCompact),
        "RRDB x4": (RRDBNet(RRDBConfig(3, 3, 64, 32, 2 if small else 23, 2)), FastRRDBNet),
        "RRDB x2, unshuffled": (RRDBNet(RRDBConfig(3, 3, 64, 32, 2, 2, 2)), FastRRDBNet),
        "RRDB x1, bypasses": (RRDBNet(RRDBConfig(3, 3, 32, 16, 2, 0, plus=True)), FastRRDBNet),
    }
    for name, (plain, fast) in kinds.items():
        filled(plain)
        photo = noisy(70, 90) if small else noisy(150, 190)
        exact = model_of(plain, fast, CPU, torch.float32)
        want, tiled = exact.upscale(photo), exact.upscale(photo, tile=48)
        for dtype in (torch.float32, torch.float16):
            model = model_of(plain, fast, device, dtype)
            precision = model.runtime.precision
            alike(f"{name}, {precision}, one tile", model.upscale(photo, tile=1000), want)
            alike(f"{name}, {precision}, many tiles", model.upscale(photo, tile=48), tiled)
    plain, fast = kinds["compact x4"]
    exact, model = (model_of(plain, fast, where, torch.float32) for where in (CPU, device))
    half = model_of(plain, fast, device, torch.float16)
    for channels in (1, 2, 4):
        photo = noisy(60, 50, channels)
        alike(f"{channels} channels", half.upscale(photo), exact.upscale(photo))
    deep = noisy(60, 50).astype(np.uint16) * 257
    alike("16 bits (in float32)", half.upscale(deep), exact.upscale(deep), mean=0.2, most=2)
    real = noisy(60, 50).astype(np.float32) / 255
    alike("float32 in and out", model.upscale(real), exact.upscale(real))
    turned = [one.tiles(noisy(40, 30), tile=1000, turns=True) for one in (half, exact)]
    made, want = (next(tile.pixels for tile in tiles if tile is not None) for tiles in turned)
    alike("eight turns", made, want)
    part = [one.tiles(noisy(90, 80), region=(11, 20, 50, 40)) for one in (half, exact)]
    made, want = (np.concatenate([tile.pixels for tile in tiles if tile is not None]) for tiles in part)
    alike("a region", made, want)
    overflowing(device)
    fixtures(device)


def overflowing(device: torch.device) -> None:
    """A network whose inner maps are too large for float16: it is asked again in float32, and from then on."""
    plain = filled(Compact(CompactConfig(3, 64, 4, 4)))
    with torch.no_grad():
        plain.body[0].weight *= 1e6
        plain.body[0].bias *= 1e6
        for layer in plain.body[2::2]:
            layer.bias.zero_()
        plain.body[-1].weight /= 1e6
    photo = noisy(60, 50)
    model = model_of(plain, FastCompact, device, torch.float16)
    made = model.upscale(photo)
    promise(model.runtime.precision == "float32", f"what overflows in float16 is in {model.runtime.precision} now")
    alike("what overflows in float16", made, model_of(plain, FastCompact, CPU, torch.float32).upscale(photo))


def fixtures(device: torch.device) -> None:
    """The small upscalers of the tests, opened as a person opens them."""
    try:
        importlib.import_module("models.opening")
    except ImportError as error:
        print(f"  the small models of the tests are passed over: to open them takes more than torch and numpy ({error})")
        return
    for path in sorted([*FIXTURES.glob("compact/*.pth"), *FIXTURES.glob("esrgan/*.pth"), *FIXTURES.glob("ncnn/*.param")]):
        photo = noisy(48, 64)
        made, want = (models.open(path, device=str(where), precision=kind) for where, kind in ((device, None), (CPU, "float32")))
        assert isinstance(made, UpscalingModel)
        assert isinstance(want, UpscalingModel)
        alike(f"{path.parent.name}/{path.name} ({made.runtime.precision})", made.upscale(photo), want.upscale(photo))


# Speed


def plainly(network: Any, photo: Any, device: torch.device, tile: int) -> Any:
    """A photo as inference scripts do it: float32, one tile after another with ten pixels around it."""
    height, width, scale = *photo.shape[:2], network.config.scale
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(height, top + tile), min(width, left + tile)
            first, start = max(0, top - 10), max(0, left - 10)
            seen = photo[first : bottom + 10, start : right + 10]
            with torch.no_grad():
                x = torch.from_numpy(seen.astype(np.float32).transpose(2, 0, 1) / 255)[None].to(device)
                made = network(x)[0].cpu().clamp_(0, 1).numpy()
            made = (made.transpose(1, 2, 0) * 255).round().astype(np.uint8)
            core = made[(top - first) * scale : (bottom - first) * scale, (left - start) * scale : (right - start) * scale]
            result[top * scale : bottom * scale, left * scale : right * scale] = core
    return result


def speed(device: torch.device, args: argparse.Namespace) -> None:
    photo = noisy(args.height, args.width)
    print(f"\nSpeed, {args.width} x {args.height} px, median of {args.repeat} (megapixels in a second, of the photo)")
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    for name, (config, kind, fast) in networks().items():
        if args.small and "23 blocks" in name:
            continue
        plain = filled(kind(config)).to(device)
        model = model_of(plain, fast, device, dtype)
        network = fast(config, plain.state_dict(), Runtime(device, dtype))
        x = torch.from_numpy(photo.astype(np.float32).transpose(2, 0, 1) / 255)[None]

        def flowed(network: Any = network, x: Any = x) -> None:
            with torch.inference_mode():
                for _ in network.bands(x):
                    pass

        ways: dict[str, Callable[[], Any]] = {
            "plain": lambda plain=plain: plainly(plain, photo, device, args.tile),
            "Ganvas": lambda model=model: model.upscale(photo),
            "its network alone": flowed,
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        made = {}
        for turn in range(args.repeat + 1):  # the first warms up
            for way, work in ways.items():
                seconds, made[way] = waited(device, work)
                if turn:
                    times[way].append(seconds)
        print(f"  {name}")
        for way, seen in times.items():
            seconds = statistics.median(seen)
            gain = statistics.median(a / b for a, b in zip(times["plain"], seen, strict=True))
            said = f"{way:20}{seconds:8.3f} s{photo.shape[0] * photo.shape[1] / 1e6 / seconds:9.2f} MP/s{gain:7.2f} times"
            promise(way != "Ganvas" or gain >= 1.5 or args.small, f"  {said}")
        found = off(made["Ganvas"], made["plain"])  # plain tiles see ten pixels around, so only the mean is promised
        promise(found[0] < 1, f"  off by {found[0]:.3f} in the mean, {found[1]:.1f} at 99.9 %")
        graphs(plain, device, args.tile)


def graphs(plain: Any, device: torch.device, tile: int) -> None:
    """A tile of the plain network in float16 and channels_last, with and without a CUDA graph. Nothing is promised."""
    if device.type != "cuda":
        print("    no graphs: this is no CUDA device")
        return
    network = plain.half().to(memory_format=torch.channels_last)
    x = torch.rand(1, 3, tile, tile, device=device).half().contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        beside = torch.cuda.Stream(device)
        beside.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(beside):  # a capture wants everything to have run before, on a stream of its own
            for _ in range(3):
                network(x)
        torch.cuda.current_stream(device).wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network(x)
        eager = min(waited(device, lambda: network(x))[0] for _ in range(5))
        replayed = min(waited(device, graph.replay)[0] for _ in range(5))
    print(f"    a tile of {tile} px in float16: {eager * 1e3:.1f} ms, as a CUDA graph {replayed * 1e3:.1f} ms", flush=True)
    del graph


# Memory


def memory(device: torch.device, args: argparse.Namespace) -> None:
    print("\nMemory")
    if device.type == "cuda":
        allowances(device, args)
        engines(device, args)
        return
    print("  rehearsed: what lies in the processor's memory is counted as if it lay on a card of 16 GB")
    with PretendedCard(16 * GB):
        allowances(device, args)
        engines(device, args)


def allowances(device: torch.device, args: argparse.Namespace) -> None:
    """Networks whose memory is halved and halved again, and then given back."""
    card, number = str(device), device.index or 0  # torch takes no "cuda" without a number for some of these
    for name, (config, kind, fast) in networks().items():
        if "RRDB" in name and ("anime" in name or args.small):
            continue
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        model = model_of(filled(kind(config)), fast, device, dtype, Fixed(CARD_PIXELS))
        photo = noisy(*_ample(args))
        try:
            torch.cuda.empty_cache()
            held = torch.cuda.memory_reserved(number)
            torch.cuda.reset_peak_memory_stats(number)
            want, tiles = _tiles(model, photo)
            amount = model.at_once
            used, lay = torch.cuda.max_memory_reserved(number), torch.cuda.max_memory_allocated(number)
            print(f"  {name}: {used / 1e6:.0f} MB ({lay / 1e6:.0f} MB of tensors) in {tiles} pieces without a limit")
            capped = tiles
            for share in SHARES:  # cuDNN makes do with less at first
                allowed = held + int((used - held) * share)
                machine.allow(card, Allowance(bytes=allowed))
                promise(machine.memory(card).free <= allowed, f"  {machine.memory(card).free / 1e6:.0f} MB are planned with")
                torch.cuda.reset_peak_memory_stats(number)
                made, capped = _tiles(model, photo)
                peak, lay = torch.cuda.max_memory_reserved(number), torch.cuda.max_memory_allocated(number)
                said = f"  {peak / 1e6:.0f} MB ({lay / 1e6:.0f} MB of tensors) in {capped} pieces"
                promise(peak <= allowed, f"{said} where {allowed / 1e6:.0f} MB are allowed")
                alike("  the same picture", made, want)
                if capped > tiles or model.at_once != amount:
                    break
            said = f"  tiles became smaller, or less was taken at once: {model.at_once} pixels instead of {amount}"
            promise(capped > tiles or model.at_once != amount, said)
            machine.allow(card, ALL)
            again = capped
            for _ in range(2 * UNTIL_MORE):
                if again <= tiles and model.at_once == amount:
                    break
                again = _tiles(model, photo)[1]
            kept = again == tiles and model.at_once == amount
            promise(kept, f"  in {again} pieces again, {model.at_once} pixels at once, after a while without the limit")
        except Exception as error:
            promise(False, f"  {name}: {type(error).__name__}: {error}")
        finally:
            machine.allow(card, ALL)
            del model


def engines(device: torch.device, args: argparse.Namespace) -> None:
    """What the program does with it: an engine that is started with an allowance, and told of others."""
    try:
        from app.inference.engine import Engine
    except ImportError as error:
        print(f"  the program's engine is passed over: it needs more than torch and numpy ({error})")
        return
    from app.inference.requests import DeviceMemoryRequest, DeviceRequest, UpscaleRequest
    from app.inference.updates import Done, Tile

    path, number = str(sorted(FIXTURES.glob("compact/*.pth"))[0]), device.index or 0
    photo = noisy(*_ample(args))

    def peak(engine: Engine) -> tuple[int, Any, int]:
        """Bytes of tensors at most, the picture, and the pieces it came in."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(number)
        updates = list(engine.run(UpscaleRequest(path, photo, keep_result=True)))
        if not isinstance(updates[-1], Done):
            raise RuntimeError(str(updates[-1]))
        pieces = sum(isinstance(update, Tile) for update in updates)
        return torch.cuda.max_memory_allocated(number), updates[-1].result, pieces

    try:
        most, want, pieces = peak(Engine(device=str(device)))
        print(f"  an engine without an allowance: {most / 1e6:.0f} MB of tensors, {pieces} pieces")
        first, *others = (most * 2 // 3, most // 2, most // 3)
        engine = Engine(device=str(device), device_memory=Allowance(bytes=first))
        asked = [DeviceRequest(), *(DeviceMemoryRequest(Allowance(bytes=allowed)) for allowed in others)]
        for allowed, request in zip((first, *others), asked, strict=True):
            *_, told = engine.run(request)
            promise(isinstance(told, Done) and told.result.allowed == allowed, f"  an engine that may use {allowed / 1e6:.0f} MB")
            used, made, smaller = peak(engine)
            promise(used <= allowed, f"  uses {used / 1e6:.0f} MB, {smaller} pieces")
            alike("  the same picture", made, want)
        # A card may have taken less at once instead, which an engine does not tell.
        promise(smaller > pieces or device.type == "cuda", f"  it made {smaller} pieces of what were {pieces}")
    except Exception as error:
        promise(False, f"  an engine with an allowance: {type(error).__name__}: {error}")
    finally:
        machine.allow(str(device), ALL)


# Transfers


def transfers(device: torch.device, args: argparse.Namespace) -> None:
    """What a result costs on its way to the processor: as it is done now (bytes through pinned memory), and in other ways."""
    sizes = {"a part of 64 rows": (64, args.width), "a whole photo": (args.height, args.width)}
    print("\nTransfers, median of 5 (the last line of each is what is done now)")
    for name, (height, width) in sizes.items():
        made = torch.rand(3, height * 4, width * 4, device=device)
        bytes_of_it = made.nbytes
        ways: dict[str, Callable[[], Any]] = {"float32, as it comes": lambda made=made: made.cpu()}
        if device.type == "cuda":
            kept = torch.empty(made.shape, pin_memory=True)

            def anew(made: Any = made) -> Any:
                there = torch.empty(made.shape, pin_memory=True).copy_(made, non_blocking=True)
                wait(device)
                return there

            def again(made: Any = made, kept: Any = kept) -> Any:
                kept.copy_(made, non_blocking=True)
                wait(device)
                return kept.clone()  # the next part comes into the same place

            ways |= {"float32, pinned anew": anew, "float32, pinned before": again}
        ways["made to bytes there"] = lambda made=made: (made * 255).round_().to(torch.uint8).cpu()
        ways["bytes, as Ganvas does"] = lambda made=made: Arrival([(made * 255).round_().to(torch.uint8)]).taken()
        for way, work in ways.items():
            work()
            seconds = statistics.median(waited(device, work)[0] for _ in range(5))
            speed = f"{bytes_of_it / seconds / 1e9:8.1f} GB/s of float32" if device.type == "cuda" else ""
            print(f"  {name}, {way:24}{seconds * 1e3:9.2f} ms{speed}", flush=True)
    if device.type != "cuda":
        print("  pinned memory is passed over: there is none without a card, and nothing was carried")


def _ample(args: argparse.Namespace) -> tuple[int, int]:
    """Height and width of a photo whose tiles can be halved a few times."""
    return (4 * args.height, 4 * args.width) if args.small else (args.height, args.width)


def _tiles(model: UpscalingModel, photo: Any) -> tuple[Any, int]:
    """The picture, and how many pieces it came in."""
    scale = model.scale
    result = np.empty((photo.shape[0] * scale, photo.shape[1] * scale, 3), np.uint8)
    count = 0
    for tile in model.tiles(photo):
        if tile is not None:
            rows, columns = tile.pixels.shape[:2]
            result[tile.top : tile.top + rows, tile.left : tile.left + columns] = tile.pixels
            count += 1
    return result, count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--width", type=int, default=1632)
    parser.add_argument("--height", type=int, default=1224)
    parser.add_argument("--tile", type=int, default=512, help="side of a tile of the plain way")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts alone, in this order")
    parser.add_argument("--small", action="store_true", help="small sizes, whose speed promises nothing")
    args = parser.parse_args()
    if args.small:
        args.width, args.height, args.tile, args.repeat = 96, 64, 64, 1
    device = torch.device(args.device)
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        print(f"{found.name}, {found.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}, torch {torch.__version__}")
    else:
        print(f"{device}, torch {torch.__version__}")
    began = time.perf_counter()
    parts: dict[str, Callable[[], None]] = {
        "pictures": lambda: pictures(device, args.small),
        "speed": lambda: speed(device, args),
        "memory": lambda: memory(device, args),
        "transfers": lambda: transfers(device, args),
        "amounts": lambda: amounts(device, args),
    }
    for name in args.only or PARTS:
        parts[name]()
    print(f"\n{time.perf_counter() - began:.0f} s; {len(broken)} promises were not kept")
    for said in broken:
        print(f"! {said.strip()}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
