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
    from PySide6.QtWidgets import QApplication, QMainWindow

    from app.inference.engine import Engine
    from app.inference.requests import GenerateRequest
    from app.inference.updates import ENDINGS, Failure, Frame
    from app.inference.worker import InferenceWorker, threads_beside_a_window
    from models.catalogue import Catalogue

    app = QApplication([])
    window = QMainWindow()
    window.resize(1280, 800)
    window.show()
    catalogue = Catalogue()
    model = next((entry.name for entry in catalogue.entries() if entry.card.task == "latent"), None)
    worker = InferenceWorker(Engine(catalogue, threads=threads_beside_a_window()))
    ended: set[int] = set()
    frames: list[float] = []

    def hear(ticket: int, update: Any) -> None:
        if isinstance(update, Failure):
            raise SystemExit(str(update))
        if isinstance(update, Frame):
            frames.append(update.milliseconds)
        if isinstance(update, ENDINGS):
            ended.add(ticket)

    worker.updated.connect(hear)
    spin(app, lambda: False, 0.5)
    if part in ("full", "drag"):
        if model is None:
            return {"skipped": "no latent model is at hand"}
        for number in range(3):
            ticket = worker.submit(GenerateRequest(model, ((number, 1.0),), deadline_ms=40), "explore")
            spin(app, lambda: ticket in ended)  # noqa: B023
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
            ticket = worker.submit(GenerateRequest(str(model), ((number, 1.0),)), "explore")
            spin(app, lambda: ticket in ended)  # noqa: B023
    else:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            weight = (time.monotonic() - until) % 1
            worker.submit(GenerateRequest(str(model), ((0, weight), (1, 1 - weight)), deadline_ms=40), "explore")
            spin(app, lambda: False, 1 / 60)
    result = {**heart.stop(), "model": model, "pictures": len(frames), "median ms": statistics.median(frames) if frames else 0.0}
    worker.close()
    return result


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
