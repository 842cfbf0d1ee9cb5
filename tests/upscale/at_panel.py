"""What tests of the panel ask it and wait for."""

from collections.abc import Callable
from pathlib import Path

from app.upscale.panel import UpscalePanel

Until = Callable[[Callable[[], bool]], None]


def ready(panel: UpscalePanel, count: int) -> Callable[[], bool]:
    return lambda: sum(row.state == "ready" for row in panel.queue.rows) == count


def idle(panel: UpscalePanel) -> Callable[[], bool]:
    return lambda: panel.runner.state == "idle" and any(row.state in ("done", "failed") for row in panel.queue.rows)


def begun(panel: UpscalePanel, until: Until, folder: Path, count: int) -> None:
    """All photos of a folder put on the list, and started."""
    panel.add([folder])
    until(ready(panel, count))
    panel.job.start()


def done(panel: UpscalePanel) -> Callable[[], bool]:
    return lambda: set(states(panel)) == {"done"} and panel.runner.state == "idle"


def states(panel: UpscalePanel) -> list[str]:
    return [row.state for row in panel.queue.rows]
