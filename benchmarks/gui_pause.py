"""How long the window's thread stands still: at rest, while torch is imported, while pictures are made.

    python benchmarks/gui_pause.py [--repeat 3]

A timer beats every 5 ms in the window's thread; a gap between two beats is a time in which no gesture could be answered.
"net" leaves out the time in which the thread was ready but the system ran something else (Linux tells it), so that it means
the same on a busy machine. Each part runs in a process of its own; the table shows the median of the repeats.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BEAT_MS = 5
FRAME_MS = 1000 / 60
PARTS = {
    "rest": "nothing (2 s)",
    "import-plain": "import torch in a thread, plainly",
    "import": "import torch in the worker, libraries mapped first",
    "full": "8 full pictures of {model}",
    "drag": "a drag: 60 previews a second of {model} for 3 s",
    "explore": "the real window: a slider dragged for 4 s, {model}",
    "paint": "the real window: 20 strokes on the canvas",
}


def waited_ms() -> float:
    """Milliseconds this thread has been ready to run and was not run; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[1]) / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


class Heart:
    """Beats in the window's thread and notes the gaps, in milliseconds: as they were, and net of waiting for a processor."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.gaps: list[tuple[float, float]] = []
        self._last = time.perf_counter(), waited_ms()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def _beat(self) -> None:
        now = time.perf_counter(), waited_ms()
        gap = 1000 * (now[0] - self._last[0])
        self.gaps.append((gap, gap - (now[1] - self._last[1])))
        self._last = now

    def stop(self) -> dict[str, float]:
        self._timer.stop()
        whole, net = sorted(gap for gap, _ in self.gaps), sorted(gap for _, gap in self.gaps)
        at = int(0.99 * (len(net) - 1))
        return {
            "beats": len(net),
            "p99": whole[at],
            "worst": whole[-1],
            "net p99": net[at],
            "net worst": net[-1],
            "net gaps > 16 ms": sum(gap > FRAME_MS for gap in net),
        }


def spin(app: Any, until: Callable[[], bool], seconds: float = 120) -> None:
    """Let the window's thread live until something is so."""
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        app.processEvents()
        time.sleep(0.0005)


def child(part: str) -> dict[str, Any]:
    """One part, in this process."""
    from PySide6.QtWidgets import QApplication

    from app.inference.engine import Engine
    from app.inference.updates import Failure, Frame
    from app.inference.worker import InferenceWorker, threads_beside_a_window
    from models.catalogue import Catalogue

    app = QApplication([])
    catalogue = Catalogue()
    home = tempfile.TemporaryDirectory()  # settings of this run: those of a person stay as they are
    os.environ["GANVAS_HOME"] = home.name
    model = next((entry.name for entry in catalogue.entries() if entry.card.task == "latent"), None)
    if part in ("full", "drag", "explore") and model is None:
        return {"skipped": "no latent model is at hand"}
    worker = InferenceWorker(Engine(catalogue, threads=threads_beside_a_window()))
    frames: list[float] = []

    def hear(ticket: int, update: Any) -> None:
        if isinstance(update, Failure):
            raise SystemExit(str(update))
        if isinstance(update, Frame):
            frames.append(update.milliseconds)

    worker.updated.connect(hear)
    live = in_the_window if part in ("explore", "paint") else beside_a_window
    gaps = live(app, part, worker, catalogue, str(model), frames)
    worker.close()
    home.cleanup()
    return {**gaps, "model": model, "pictures": len(frames), "median ms": statistics.median(frames) if frames else 0.0}


def beside_a_window(app: Any, part: str, worker: Any, catalogue: Any, model: str, frames: list[float]) -> dict[str, float]:
    """The parts in which the worker is driven without panels, so that only its own pauses count."""
    from PySide6.QtWidgets import QMainWindow

    from app.inference.requests import GenerateRequest
    from app.inference.updates import ENDINGS

    window = QMainWindow()
    window.resize(1280, 800)
    window.show()
    ended: set[int] = set()
    worker.updated.connect(lambda ticket, update: ended.add(ticket) if isinstance(update, ENDINGS) else None)

    def face(seeds: tuple[tuple[int, float], ...], deadline: float | None = None, wait: bool = True) -> None:
        ticket = worker.submit(GenerateRequest(model, seeds, deadline_ms=deadline), "explore")
        if wait:
            spin(app, lambda: ticket in ended)

    spin(app, lambda: False, 0.5)
    if part in ("full", "drag"):
        for number in range(3):
            face(((number, 1.0),), 40)
        frames.clear()
    heart = Heart()
    if part == "rest":
        spin(app, lambda: False, 2)
    elif part == "import-plain":
        thread = threading.Thread(target=lambda: __import__("torch"))
        thread.start()
        spin(app, lambda: not thread.is_alive())
    elif part == "import":
        ticket = worker.warm_up()
        spin(app, lambda: ticket in ended)
    elif part == "full":
        for number in range(8):
            face(((number, 1.0),))
    else:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            weight = (until - time.monotonic()) / 3
            face(((0, weight), (1, 1 - weight)), 40, wait=False)
            spin(app, lambda: False, 1 / 60)
    return heart.stop()


def in_the_window(app: Any, part: str, worker: Any, catalogue: Any, model: str, frames: list[float]) -> dict[str, float]:
    """The parts in which the real window is used by hand, so that its own work counts too."""
    from app.cli.hand import Hand, along, wait_until
    from app.paint.canvas import Canvas
    from app.settings import Settings
    from app.widgets.slider_row import Slider
    from app.window import MainWindow

    window = MainWindow(worker, catalogue, Settings())
    window.show()
    window.go_to(part)
    panel: Any = window.panel(part)
    hand = Hand(16)
    if part == "explore":
        wait_until(lambda: panel.facts is not None and panel.shown == panel.document.now, "the face", 180)
        slider = panel.findChild(Slider, "direction:yaw") or panel.findChild(Slider, "psi")
        y, left, right = slider.height() / 2, 0.2 * slider.width(), 0.8 * slider.width()
        way = along([(slider.at(slider.value()), y), (left, y), (right, y), (left, y), (right, y)], steps=60)
        frames.clear()
        heart = Heart()
        hand.drag(slider, way)
        wait_until(lambda: panel.shown == panel.document.now, "the face", 60)
    else:
        wait_until(lambda: panel.picture is not None and panel.live.up_to_date, "the first landscape", 180)
        canvas = panel.findChild(Canvas, "canvas")
        frames.clear()
        heart = Heart()
        for number in range(20):
            height = canvas.height() * (0.2 + 0.03 * number)
            hand.drag(canvas, along([(0.2 * canvas.width(), height), (0.8 * canvas.width(), height + 20)], steps=15))
        wait_until(lambda: panel.live.up_to_date, "the landscape", 60)
    gaps = heart.stop()
    window.close()
    return gaps


def main() -> None:
    parser = argparse.ArgumentParser(description="Worst pauses of the window's thread.")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(child(args.part)))
        return
    columns = ("beats", "p99", "worst", "net p99", "net worst", "net gaps > 16 ms")
    print(f"{'':58}" + "".join(f"{c:>17}" for c in columns))
    for part, title in PARTS.items():
        runs = []
        for _ in range(args.repeat):
            done = subprocess.run([sys.executable, __file__, "--part", part], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr or f"{part} ended with {done.returncode}")
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        if "skipped" in runs[0]:
            print(f"{title.format(model='a latent model'):58}{runs[0]['skipped']}")
            continue
        row = "".join(f"{statistics.median(run[c] for run in runs):17.1f}" for c in columns)
        extra = f"   {runs[0]['pictures']} pictures, {runs[0]['median ms']:.0f} ms" if runs[0]["pictures"] else ""
        print(f"{title.format(model=runs[0]['model']):58}{row}{extra}")


if __name__ == "__main__":
    main()
