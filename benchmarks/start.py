"""From the start of the process to the first paint of the window, and what part of it each stage takes.

    python benchmarks/start.py [--repeat 7]

Each run is a fresh process with a home of its own. The window counts as painted when its first paint event has been handled
and the event loop has come round once more, so that the pixels are on their way. torch is imported after that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = {
    "python": "Python is running",
    "imported": "the window's modules are imported",
    "built": "the window is built",
    "painted": "the window is painted",
}


def child(started: float) -> None:
    """Open the window as `ganvas` does, print the milliseconds of each stage, and end at the first paint."""
    times = {"python": time.time() - started}
    sys.path.insert(0, str(ROOT))
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent, QShowEvent

    import app.window
    from app.__main__ import main as ganvas

    times["imported"] = time.time() - started
    plain_paint, plain_show = app.window.MainWindow.paintEvent, app.window.MainWindow.showEvent

    def end() -> None:
        times["painted"] = time.time() - started
        print(json.dumps({"torch": "torch" in sys.modules, **{name: 1000 * seconds for name, seconds in times.items()}}))
        sys.stdout.flush()
        os._exit(0)

    def show(self: app.window.MainWindow, event: QShowEvent) -> None:
        times.setdefault("built", time.time() - started)
        plain_show(self, event)

    def paint(self: app.window.MainWindow, event: QPaintEvent) -> None:
        plain_paint(self, event)
        QTimer.singleShot(0, end)

    app.window.MainWindow.showEvent = show  # type: ignore[method-assign]
    app.window.MainWindow.paintEvent = paint  # type: ignore[method-assign]
    sys.exit(ganvas([]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time to the first paint of the window.")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child)
    runs = []
    for _ in range(args.repeat + 1):
        with tempfile.TemporaryDirectory() as home:
            environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "GANVAS_HOME": home}
            command = [sys.executable, __file__, "--child", repr(time.time())]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        if done.returncode or not done.stdout:
            raise SystemExit(done.stderr or "the window was never painted")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    runs = runs[1:]  # the first one reads files that the others find in memory
    print(f"{'milliseconds from the start of the process until':52}{'median':>9}{'least':>9}{'most':>9}")
    for stage, title in STAGES.items():
        times = [run[stage] for run in runs]
        print(f"{title:52}{statistics.median(times):9.0f}{min(times):9.0f}{max(times):9.0f}")
    print(f"torch was imported before the first paint in {sum(run['torch'] for run in runs)} of {len(runs)} runs")


if __name__ == "__main__":
    main()
