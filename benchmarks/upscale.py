"""Upscale end to end: overlap of decoding, network and encoding; very many photos; one giant.

    python benchmarks/upscale.py overlap [--model photo-x4] [--photos 6] [--side 480] [--format jpeg] [--repeat 3]
    python benchmarks/upscale.py many [--photos 20000] [--bad 200] [--model tiny]
    python benchmarks/upscale.py giant [--megapixels 100] [--format tiff] [--bits 8] [--alpha] [--source jpg] [--model tiny]

`overlap` measures a real model; the ways take turns, so that a busy machine is busy for all alike. The others are about files and
memory, in a catalogue of their own, and check what they claim (they end with exit code 1 where it does not hold). "tiny" names a
network of one layer. All that is written lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from app.photos.decoding import decode, probe  # noqa: E402
from app.photos.encoding import encode  # noqa: E402
from app.photos.photo import Photo  # noqa: E402
from app.photos.resizing import resize  # noqa: E402


def tiny_model(home: Path, scale: int = 4) -> str:
    """A network that repeats pixels, in the catalogue of this home; its name."""
    import torch

    from models.card import Card
    from models.catalogue import Catalogue
    from models.networks.compact import Compact, CompactConfig

    config = CompactConfig(channels=3, features=4, inner=1, shuffle=scale)
    tensors = {name: torch.zeros_like(value) for name, value in Compact(config).state_dict().items()}
    return Catalogue(home / "data" / "catalogue").keep(
        Card("tiny", "Tiny", "upscaling", "compact", asdict(config), scale=scale), tensors
    )


def sample() -> Photo:
    return decode(Path(str(files("resources") / "samples/photos/dragonfly.jpg")))


def command(home: Path, words: list[str], folder: Path, before: str = "") -> subprocess.Popen[str]:
    """`ganvas upscale` in a process; `before` is Python that runs first."""
    environment = {**os.environ, "GANVAS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    program = ["-c", f"{before}\nimport sys\nfrom app.__main__ import main\nsys.exit(main())"] if before else ["-m", "app"]
    return subprocess.Popen(
        [sys.executable, *program, "upscale", *words], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def resident(process: int) -> float:
    """Megabytes of memory that a process holds now (Linux)."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Samples a process's memory until it ends."""

    def __init__(self, process: int) -> None:
        self.seen: list[float] = []
        self._process, self._stop = process, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            now = resident(self._process)
            if now:
                self.seen.append(now)

    def end(self) -> list[float]:
        self._stop.set()
        self._thread.join()
        return self.seen


# Overlap


def overlap(args: argparse.Namespace, folder: Path) -> bool:
    from app.inference.engine import Engine
    from app.inference.requests import UpscaleRequest
    from app.inference.updates import Done, Failure
    from app.upscale.conveyor import Conveyor
    from app.upscale.driving import drive
    from app.upscale.inputs import Found
    from app.upscale.plan import Choices, Planner
    from app.upscale.sizes import parse_target

    engine = Engine()
    entry = engine.catalogue.find(args.model)
    if entry is None:
        sys.exit(f"The model {args.model} is not at hand.")
    whole = sample()
    pixels = resize(whole.pixels, args.side, args.side * 2 // 3)
    paths = []
    for i in range(args.photos):
        paths.append(folder / f"photo{i}.jpg")
        encode(Photo(np.roll(pixels, 17 * i, 1), icc=whole.icc), paths[-1], quality=92)
    choices = Choices(
        args.model, entry.card.scale, parse_target(f"x{entry.card.scale}"), folder / "out", args.format, on_exists="overwrite"
    )
    planner = Planner(choices)
    planned = [planner.plan(Found(path)) for path in paths]
    megapixels = sum(one.network_megapixels for one in planned)

    def run(request: UpscaleRequest) -> object:
        for update in engine.run(request):
            if isinstance(update, Failure):
                sys.exit(str(update))
            if isinstance(update, Done):
                return update.result
        raise AssertionError("the engine ended without saying how")

    def network() -> None:
        for photo in decoded:
            run(UpscaleRequest(args.model, photo.pixels))

    def in_line() -> None:
        from app.upscale import results

        for one in planned:
            photo = decode(one.source)
            made = run(UpscaleRequest(args.model, photo.pixels))
            results.write(made, results.dressed(photo, one, choices), one, choices)  # type: ignore[arg-type]

    def belt() -> None:
        with Conveyor(choices) as conveyor:
            for index, one in enumerate(planned):
                conveyor.add(index, one)
            drive(conveyor, engine, lambda event: None)

    decoded = [decode(path) for path in paths]
    ways: dict[str, Callable[[], None]] = {"network alone": network, "in line": in_line, "on the belt": belt}
    network()  # opens the model
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(args.repeat):
        for name, way in ways.items():
            began, busy = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - began, time.process_time() - busy))
    alone, busy_alone = (statistics.median(pair[i] for pair in times["network alone"]) for i in range(2))
    print(f"{args.photos} photos of {args.side} x {args.side * 2 // 3} px, {args.model}, {args.format}, median of {args.repeat}")
    print("  wall clock (what passed), and processor time (what counts on a busy machine); shares of the network's own speed")
    for name, seen in times.items():
        wall, busy = (statistics.median(pair[i] for pair in seen) for i in range(2))
        print(
            f"  {name:<14} {wall:7.2f} s  {megapixels / wall:6.3f} MP/s  {alone / wall:6.1%}   "
            f"{busy:7.2f} s busy  {busy_alone / busy:6.1%}"
        )
    return True


# Very many photos


def bad_files(folder: Path, count: int) -> Iterator[Path]:
    """Files that are no photos, each in its own way."""
    import struct
    import zlib

    good = (folder / "0/0.png").read_bytes()
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + good[33:]
    )
    kinds = {"cut": good[: len(good) // 2], "empty": b"", "bomb": bomb, "text": b"not a picture at all", "noise": os.urandom(400)}
    for i in range(count):
        name, content = list(kinds.items())[i % (len(kinds) + 1)] if i % (len(kinds) + 1) < len(kinds) else ("loop", None)
        path = folder / str(i % 20) / f"bad-{name}-{i}.png"
        if content is None:
            path.symlink_to(path.name)
        else:
            path.write_bytes(content)
        yield path


def many(args: argparse.Namespace, folder: Path) -> bool:
    home = folder / "home"
    model = tiny_model(home, 2) if args.model == "tiny" else args.model
    source = folder / "in"
    good = args.photos - args.bad
    names = ("{}", "ünïcode {}", "写真-{}", "x" * 240 + "-{}")
    began = time.perf_counter()
    noise = np.random.RandomState(0)
    blobs = []
    for extension in ("png", "jpg", "webp"):
        encode(Photo(noise.randint(0, 255, (24, 32, 3)).astype(np.uint8)), folder / f"one.{extension}")
        blobs.append((folder / f"one.{extension}").read_bytes())
    for i in range(good):
        inner = source / str(i % 20)
        inner.mkdir(parents=True, exist_ok=True)
        # A third of the extensions lie about what is inside.
        (inner / (names[i // 20 % 4].format(i) + ".png")).write_bytes(blobs[0] if i % 20 == 0 else blobs[i % 3])
    bad = list(bad_files(source, args.bad))
    print(f"{good} good and {len(bad)} bad files made in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    process = command(
        home, ["in", "--recursive", "--out", "out", "--model", model, "--format", "png", "--json", "--device", "cpu"], folder
    )
    watch, events, marks = Watch(process.pid), Counter[str](), []
    assert process.stdout is not None
    failed: set[str] = set()
    for line in process.stdout:
        event = json.loads(line)
        events[event["event"]] += 1
        if event["event"] == "failed":
            failed.add(Path(event["subject"]).name)
        if event["event"] == "done" and events["done"] % max(1, good // 10) == 0:
            marks.append(resident(process.pid))
    code = process.wait()
    watch.end()
    made = sum(1 for path in (folder / "out").rglob("*.png"))
    seconds = time.perf_counter() - began
    print(f"{made} results, {len(failed)} named errors, exit code {code}, {seconds:.0f} s ({made / seconds:.0f} photos a second)")
    print("memory at each tenth, MB: " + " ".join(f"{mark:.0f}" for mark in marks))
    return made == good and failed == {path.name for path in bad} and code == 1


# One giant


def giant(args: argparse.Namespace, folder: Path) -> bool:
    home = folder / "home"
    model = tiny_model(home, 4) if args.model == "tiny" else args.model
    width = round((args.megapixels * 1e6 * 4 / 3) ** 0.5)
    height = width * 3 // 4
    small = sample().pixels
    if args.bits == 16:  # with something in the lower bits: they are what makes such files large
        small = small.astype(np.uint16) * 257 ^ np.random.RandomState(0).randint(0, 256, small.shape).astype(np.uint16)
    if args.alpha:
        across = np.linspace(0, np.iinfo(small.dtype).max, small.shape[1]).astype(small.dtype)
        small = np.concatenate([small, np.broadcast_to(across[:, None], (*small.shape[:2], 1))], 2)
    rows, columns = -(-height // small.shape[0]), -(-width // small.shape[1])
    giant = f"giant.{args.source}"
    encode(Photo(np.tile(small, (rows, columns, 1))[:height, :width]), folder / giant, quality=90)
    began = time.perf_counter()
    process = command(home, [giant, "--out", "out", "--model", model, "--format", args.format, "--device", "cpu"], folder)
    watch = Watch(process.pid)
    code = process.wait()
    peak = max(watch.end(), default=0.0)
    (made,) = (folder / "out").iterdir()
    from app.photos.formats import MAX_PIXELS

    seconds, size = time.perf_counter() - began, made.stat().st_size
    kind = f"{args.bits} bits, {small.shape[2]} channels, {args.source}"
    print(f"{width} x {height} px ({kind}) x4 as {args.format}: {width * height * 16 / 1e9:.2f} gigapixels, {size / 1e9:.2f} GB")
    print(f"exit code {code}, {seconds:.0f} s, peak memory {peak:.0f} MB")
    if width * height * 16 <= MAX_PIXELS:
        facts = probe(made)
        assert (facts.width, facts.height) == (width * 4, height * 4)
    return code == 0 and peak < 3000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("overlap")
    one.add_argument("--model", default="photo-x4")
    one.add_argument("--photos", type=int, default=6)
    one.add_argument("--side", type=int, default=480)
    one.add_argument("--format", default="jpeg")
    one.add_argument("--repeat", type=int, default=3)
    two = kinds.add_parser("many")
    two.add_argument("--photos", type=int, default=20_000)
    two.add_argument("--bad", type=int, default=200)
    two.add_argument("--model", default="tiny")
    three = kinds.add_parser("giant")
    three.add_argument("--megapixels", type=float, default=100)
    three.add_argument("--format", default="tiff")
    three.add_argument("--bits", type=int, choices=(8, 16), default=8)
    three.add_argument("--alpha", action="store_true")
    three.add_argument("--source", default="jpg", help="extension of the giant: jpg, tif or png")
    three.add_argument("--model", default="tiny")
    args = parser.parse_args()
    ways = {"overlap": overlap, "many": many, "giant": giant}
    with tempfile.TemporaryDirectory(prefix="ganvas-benchmark-") as folder:
        holds = ways[args.kind](args, Path(folder))
    if not holds:
        print("That is not what was promised.")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
