"""Several devices that share one queue of photos.

    python benchmarks/upscale_devices.py share cuda:0,cuda:1 [--photos FOLDER] [--model photo-x4] [--pretended 2]
    python benchmarks/upscale_devices.py belt [--photos 80] [--milliseconds 86]

`share` runs `ganvas upscale` on a folder (default: twelve pieces of the sample) by the first device alone, by all ("all": those
that are found), and by all with one process killed amid its work. Every photo must be done, each result that of the one device
within a level, and each device must have made some. With `--pretended` the machine has so many cards that are none: only whether
it is right is told then, not the speed.

`belt` tells what is left of quick cards once photos and results have been handed over: cards are modelled that make a photo of
1632 x 1224 px four times as large in so many milliseconds, one part while the one before it is fetched. Nothing is decoded or
written.

They end with exit code 1 where a promise is not kept. All that is written lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from app.inference import engine as engines  # noqa: E402
from app.inference.requests import DescribeRequest, UpscaleRequest  # noqa: E402
from app.inference.updates import Done, Progress, Tile, Update  # noqa: E402
from app.photos.decoding import decode  # noqa: E402
from app.photos.encoding import encode  # noqa: E402
from app.photos.photo import Photo  # noqa: E402
from app.upscale import making  # noqa: E402
from app.upscale.conveyor import Conveyor  # noqa: E402
from app.upscale.driving import drive  # noqa: E402
from app.upscale.hands import Hand, News, ProcessHand, Spreading  # noqa: E402
from app.upscale.inputs import gather  # noqa: E402
from app.upscale.items import Event, Item  # noqa: E402
from app.upscale.plan import Choices, Planned, plan_all  # noqa: E402
from app.upscale.sizes import parse_target  # noqa: E402
from benchmarks.upscale import sample  # noqa: E402

# The processes of further devices run this file again: what they are to stand in for is told by the environment.
PRETENDED, MODELLED = "GANVAS_PRETENDED_CARDS", "GANVAS_MODELLED_CARD"
PARTS = 8  # that a modelled card hands over for a photo


def stand_in() -> None:
    """In this process and in those of its devices: what the environment asks for."""
    if PRETENDED in os.environ:
        from benchmarks.pretended_cards import PretendedCards

        PretendedCards(int(os.environ[PRETENDED])).__enter__()  # until the process ends
    if MODELLED in os.environ:
        engines.JOBS[UpscaleRequest] = modelled  # type: ignore[assignment]


# One queue


@dataclass
class Run:
    """What came of the command: who made how many, what was said of devices, results by name, photos a second between the first
    and the last one."""

    code: int
    made: Counter[str]
    said: list[str]
    results: dict[str, Path]
    pace: float


def run(folder: Path, out: Path, model: str, device: str | None, kill: bool = False) -> Run:
    from app.__main__ import main

    made: Counter[str] = Counter()
    heard, over = Spreading.heard, threading.Event()

    def counted(self: Spreading[Hand], hand: Hand, update: News) -> None:
        made[hand.name] += isinstance(update, Done)
        heard(self, hand, update)

    def killer() -> None:
        while not over.wait(0.02):
            begun = multiprocessing.active_children()
            if sum(made.values()) > len(begun) + 1 and len(begun) > 1:  # each has opened the model, and photos are being made
                begun[0].kill()
                return

    words = ["upscale", str(folder), "--out", str(out), "--model", model, "--to", "x4", "--format", "png"]
    words += ["--device", device] if device else []
    said = io.StringIO()
    watching = threading.Thread(target=killer if kill else over.wait)
    watching.start()
    try:
        silent = contextlib.redirect_stdout(io.StringIO())
        with mock.patch.object(Spreading, "heard", counted), contextlib.redirect_stderr(said), silent:
            code = main(words)
    finally:
        over.set()
        watching.join()
    made.subtract(made.keys())  # that of opening the model
    results = {path.name: path for path in sorted(out.glob("*.png"))} if out.is_dir() else {}
    times = sorted(path.stat().st_mtime for path in results.values())
    pace = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
    told = [line for line in said.getvalue().splitlines() if "lost" in line or "cannot" in line]
    return Run(code, made, told, results, pace)


def share(args: argparse.Namespace, folder: Path) -> bool:
    photos = args.photos or pieces(folder / "in", 12)
    devices = None if args.devices == "all" else args.devices
    from app.inference.devices import devices_named

    names = devices_named(devices)
    if len(names) < 2:
        print(f"Several devices are needed; {args.devices} is one.")
        return False
    alone = run(photos, folder / "alone", args.model, names[0])
    together = run(photos, folder / "together", args.model, devices)
    killed = run(photos, folder / "killed", args.model, devices, kill=True)
    kept = True

    def promise(holds: bool, what: str) -> None:
        nonlocal kept
        kept = kept and holds
        print(f"  {'kept  ' if holds else 'BROKEN'}  {what}")

    print(f"{len(alone.results)} photos by {args.model}: {names[0]}, then {', '.join(names)}")
    promise(alone.code == 0 and len(alone.results) > 1, f"{names[0]} alone makes {len(alone.results)}")
    promise(together.code == 0, f"together: {', '.join(f'{name} {together.made[name]}' for name in names)}")
    promise(min(together.made[name] for name in names) > 0, "each has made some")
    promise(off(together, alone) <= 1, f"results are off by {off(together, alone)} levels at most")
    promise(killed.code == 0 and off(killed, alone) <= 1, f"one killed: all are there, {off(killed, alone)} levels off at most")
    promise(len(killed.said) == 1, f"and that is told: {' '.join(killed.said)}")
    if args.pretended is None:
        times = together.pace / alone.pace
        print(f"  {alone.pace:.2f} photos a second by one, {together.pace:.2f} by {len(names)}: {times:.2f} times")
    return kept


def pieces(folder: Path, count: int) -> Path:
    folder.mkdir()
    whole = sample().pixels
    for i in range(count):
        top, left = 17 * i % (whole.shape[0] - 60), 29 * i % (whole.shape[1] - 80)
        encode(Photo(np.ascontiguousarray(whole[top : top + 60, left : left + 80])), folder / f"photo{i:02}.png")
    return folder


def off(run: Run, wanted: Run) -> int:
    """Levels between the results of two runs, at most; 255 where they are not of the same photos."""
    if run.results.keys() != wanted.results.keys():
        return 255
    pairs = [(decode(run.results[name]).pixels, decode(path).pixels) for name, path in wanted.results.items()]
    return max(int(np.abs(made.astype(int) - want).max()) if made.shape == want.shape else 255 for made, want in pairs)


# The belt


def modelled(bench: Any, request: UpscaleRequest) -> Iterator[Update]:
    """A card of known speed: it makes the next part while the one before it is fetched, but knows nothing of the next photo."""
    height, width, channels = request.pixels.shape
    rows, seconds = height // PARTS, float(os.environ[MODELLED]) / PARTS
    part = _part(rows * 4, width * 4, channels)
    asked, ready = [time.perf_counter()] * 2, 0.0
    for number in range(PARTS):
        ready = max(ready, asked[-2]) + seconds
        asked.append(time.perf_counter())
        time.sleep(max(0.0, ready - time.perf_counter()))
        yield Tile(part, number * rows * 4, 0)
        yield Progress(number + 1, PARTS, "tiles")


_parts: dict[tuple[int, ...], Any] = {}


def _part(*shape: int) -> Any:
    if shape not in _parts:
        _parts[shape] = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    return _parts[shape]


def belt(args: argparse.Namespace, folder: Path) -> bool:
    photo = np.random.RandomState(1).randint(0, 256, (1224, 1632, 3)).astype(np.uint8)
    encode(Photo(photo), folder / "photo.png")
    choices = Choices("photo-x4", 4, parse_target("x4"), folder / "out", "png")
    (planned,) = plan_all(gather([folder / "photo.png"]), choices)
    written = 0

    def write(item: Item, choices: Choices) -> int:
        nonlocal written
        written += item.pixels is not None and item.pixels.shape == (4896, 6528, 3)
        item.pixels = None
        return 1

    card = args.milliseconds / 1000
    print(f"{args.photos} photos of 1632 x 1224 px, x4, by modelled cards of {args.milliseconds:.0f} ms; {os.cpu_count()} cores")
    read = mock.patch.object(making, "read", return_value=(Photo(photo), None))
    with read, mock.patch.object(making, "write", write):
        for hands in range(args.cards + 1):
            seconds = handed(choices, planned, args.photos, hands) / args.photos
            who = f"{hands} processes" if hands else "in this process"
            print(f"  {who:16} {seconds * 1000:6.1f} ms a photo, {card / max(1, hands) / seconds:.0%} of what the cards make")
    return written == args.photos * (args.cards + 1)


def handed(choices: Choices, planned: Planned, count: int, hands: int) -> float:
    """Seconds from the first photo to the last, by the engine of this process (0) or so many others."""
    events: list[Event] = []
    if not hands:
        here = engines.Engine(device="cpu", threads=1)
        list(here.run(DescribeRequest(choices.network)))
        with Conveyor(choices) as alone:
            began = time.perf_counter()
            for index in range(count):
                alone.add(index, planned)
            drive(alone, here, events.append)
            return time.perf_counter() - began
    spreading: Spreading[ProcessHand] = Spreading(print)
    spreading.hands += [ProcessHand(f"cpu:{number}", "float32", 1, spreading.heard) for number in range(hands)]
    try:
        if (failure := spreading.open(DescribeRequest(choices.network))) is not None:
            raise SystemExit(str(failure))
        held = sum(hand.holds for hand in spreading.hands)
        with Conveyor(choices, wake=spreading.wake, hands=held) as shared:
            began = time.perf_counter()
            for index in range(count):
                shared.add(index, planned)
            if (failure := spreading.run(shared, events.append)) is not None:
                raise SystemExit(str(failure))
            return time.perf_counter() - began
    finally:
        spreading.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    sharing = ways.add_parser("share")
    sharing.add_argument("devices")
    sharing.add_argument("--photos", type=Path)
    sharing.add_argument("--model", default="photo-x4")
    sharing.add_argument("--pretended", type=int)
    handing = ways.add_parser("belt")
    handing.add_argument("--photos", type=int, default=80)
    handing.add_argument("--cards", type=int, default=2)
    handing.add_argument("--milliseconds", type=float, default=86)
    args = parser.parse_args()
    if args.way == "share" and args.pretended is not None:
        os.environ[PRETENDED] = str(args.pretended)
    if args.way == "belt":
        os.environ[MODELLED] = str(args.milliseconds / 1000)
    stand_in()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if {"share": share, "belt": belt}[args.way](args, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
elif __name__ == "__mp_main__":  # a device's process
    stand_in()
