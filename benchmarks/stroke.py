"""What a stroke costs the window: 1024 x 1024 canvas, a 100 px brush, 480 pen events a second, the landscape following.

    python benchmarks/stroke.py [--seconds 4] [--side 1024] [--brush 100]

Every 1/60 s the events of that time are sent to the canvas, and the window's thread does all it has to do for them: filter,
draw, colour, paint. "busy" is the processor time this thread used for it (what counts on a busy machine), "wall" the time
that passed. A frame has 16.7 ms. The last lines tell how many landscapes came while the hand moved, and how long after the
pen was lifted the final one was there.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

FRAME = 1 / 60
EVENTS = 8  # a frame: a pen of 480 points a second


def row(name: str, values: Sequence[float]) -> str:
    """A line of the table: median, 99th of a hundred, worst."""
    ordered = sorted(values)
    return f"{name:<34}{statistics.median(ordered):>9.2f}{ordered[int(0.99 * (len(ordered) - 1))]:>9.2f}{ordered[-1]:>9.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--brush", type=float, default=100.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GANVAS_HOME"] = home
        measure(args.seconds, args.side, args.brush)


def measure(seconds: float, side: int, brush: float) -> None:
    """Paint one long stroke and print what it took."""
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtTest import QTest

    from app import theme
    from app.inference.engine import Engine
    from app.inference.worker import InferenceWorker, threads_beside_a_window
    from app.paint.panel import PaintPanel
    from app.paint.state.drawing import resized
    from app.settings import Settings
    from models.catalogue import Catalogue

    app = theme.application()
    theme.start(app, "light")
    catalogue = Catalogue()
    worker = InferenceWorker(Engine(catalogue, threads=threads_beside_a_window()))
    panel = PaintPanel(worker, catalogue, Settings())
    if not panel.models.entries:
        raise SystemExit("no model that paints is at hand")
    panel.resize(1280, 720)
    panel.show()
    panel.document.show(resized(panel.document.drawing, side, side, stretch=True))
    panel.restore({})
    panel.tools.resize(brush)
    panel.tools.choose(11)
    panel.desk.change_tools()

    def spin(until: Any, most: float) -> None:
        end = time.monotonic() + most
        while not until() and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.001)

    spin(lambda: panel.live.up_to_date, 120)
    landscapes: list[float] = []
    panel.live.answered.connect(lambda picture, request, ms, size, final: landscapes.append(ms) if ms else None)
    canvas = panel.findChild(type(panel._frame.views.canvas), "canvas")
    step, where = 0, 0.0

    def place(t: float) -> Any:
        reach = side / 2 - brush / 2
        at = QPointF(side / 2 + reach * math.sin(2.1 * t), side / 2 + reach * math.sin(3.3 * t + 1))
        return canvas.to_view(at).toPoint()

    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place(0))
    busy, wall = [], []
    began = time.perf_counter()
    while (where := step * FRAME) < seconds:
        start, used = time.perf_counter(), time.thread_time()
        for i in range(EVENTS):
            QTest.mouseMove(canvas, place(where + i * FRAME / EVENTS))
        panel.desk.hand._draw()
        app.processEvents()
        busy.append(1000 * (time.thread_time() - used))
        wall.append(1000 * (time.perf_counter() - start))
        step += 1
        left = began + step * FRAME - time.perf_counter()
        if left > 0:
            time.sleep(left)
    drawn = time.perf_counter() - began
    during = len(landscapes)
    lifted = time.perf_counter()
    used = time.thread_time()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place(where))
    release = 1000 * (time.thread_time() - used)
    spin(lambda: panel.live.up_to_date, 120)
    final = time.perf_counter() - lifted
    print(f"{side} x {side} px, brush {brush:.0f} px, {step} frames of {EVENTS} events\n")
    print(f"{'milliseconds a frame':<34}{'median':>9}{'99 %':>9}{'worst':>9}")
    print(row("busy (processor time)", busy))
    print(row("wall", wall))
    print(f"\npen up (one undo step packed): {release:.1f} ms of processor time")
    print(f"landscapes while the hand moved: {during} in {drawn:.1f} s ({during / drawn:.1f} a second)")
    print(f"final landscape {1000 * final:.0f} ms after pen up")
    panel.shut()
    worker.close()


if __name__ == "__main__":
    main()
