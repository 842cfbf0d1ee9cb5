"""What the tour does in each panel: gestures on the real widgets, and what is kept of them. Qt."""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QAbstractButton, QScrollArea, QWidget

from app.cli.hand import GaveUp, Hand, along, rest, wait_until
from app.explore.panel import ExplorePanel
from app.models_page.page import ModelsPage
from app.paint.canvas import Canvas
from app.paint.panel import PaintPanel
from app.upscale.panel import UpscalePanel
from app.widgets.compare_view import CompareView
from app.widgets.panel import Notice, Panel
from app.widgets.slider_row import Slider
from app.window import MODELS, MainWindow

Kind = TypeVar("Kind", bound=QWidget)

FIRST_PICTURE_SECONDS = 180  # torch is imported and a model opened on the way
PICTURE_SECONDS = 120
FILE_SECONDS = 60
UPSCALE_SECONDS = 600
SETTLE_SECONDS = 45  # at most, for what nobody waits for; it is settled when nothing has come for
QUIET_SECONDS = 2

# A lake below mountains, in the order in which a painter would lay it down: tool, label, corners in shares of the canvas.
STROKES: tuple[tuple[str, str, Sequence[tuple[float, float]]], ...] = (
    ("rectangle", "sky", ((-0.02, -0.02), (1.02, 1.02))),
    ("area", "mountain", ((-0.02, 0.70), (-0.02, 0.46), (0.13, 0.33), (0.24, 0.42), (0.44, 0.20), (0.60, 0.38), (0.72, 0.30),
                          (0.88, 0.44), (1.02, 0.38), (1.02, 0.70))),
    ("area", "snow", ((0.38, 0.27), (0.44, 0.20), (0.515, 0.285), (0.475, 0.315), (0.45, 0.28), (0.42, 0.33))),
    ("area", "tree", ((-0.02, 0.74), (-0.02, 0.58), (0.10, 0.61), (0.20, 0.58), (0.34, 0.66), (0.46, 0.68), (0.46, 0.72))),
    ("area", "tree", ((0.66, 0.71), (0.78, 0.64), (0.90, 0.60), (1.02, 0.57), (1.02, 0.75))),
    ("area", "water", ((-0.02, 0.70), (0.50, 0.69), (1.02, 0.72), (1.02, 1.02), (-0.02, 1.02))),
    ("area", "grass", ((-0.02, 1.02), (-0.02, 0.84), (0.14, 0.86), (0.34, 0.94), (0.52, 1.02))),
    ("brush", "rock", ((0.60, 0.86), (0.66, 0.85))),
    ("brush", "cloud", ((0.14, 0.13), (0.26, 0.11), (0.36, 0.14))),
    ("brush", "cloud", ((0.68, 0.10), (0.84, 0.12))),
)  # fmt: skip


class Guide:
    """Leads through the panels of a window. `tell(path)` is called with each file that was written into `folder`."""

    def __init__(self, window: MainWindow, hand: Hand, folder: Path, tell: Callable[[Path], None]) -> None:
        self._window, self._hand, self._folder, self._tell = window, hand, folder, tell
        self._trouble: list[str] = []
        self._heard = time.monotonic()
        window.worker.updated.connect(self._hear)

    def explore(self) -> None:
        """Turn a head with a slider, make it smile, and keep the picture."""
        panel = self._visit("explore", ExplorePanel)
        self._full_face(panel, FIRST_PICTURE_SECONDS)
        self._keep_picture(panel, self._folder / "explore-before.png")
        rows = [name for name in ("direction:yaw", "direction:smile", "direction:age") if panel.findChild(Slider, name)]
        for name, share in zip(rows, (0.82, 0.78, 0.5), strict=False):
            self._pull(self._part(panel, Slider, name), share)
            self._full_face(panel, PICTURE_SECONDS)
        if not rows:  # a model without named directions still has a truncation slider
            self._pull(self._part(panel, Slider, "psi"), 0.9)
            self._full_face(panel, PICTURE_SECONDS)
        self._keep_picture(panel, self._folder / "explore.png")
        self._screenshot("screenshot-explore.png")

    def paint(self) -> None:
        """Paint a lake below mountains with strokes, and keep the map and the landscape that answered."""
        panel = self._visit("paint", PaintPanel)
        canvas = self._part(panel, Canvas, "canvas")
        self._wait(lambda: panel.picture is not None and panel.live.up_to_date, "The first landscape", FIRST_PICTURE_SECONDS)
        drawing = panel.document.drawing
        for tool, label, corners in STROKES:
            self._hand.click(self._part(panel, QAbstractButton, f"tool:{tool}"))
            self._hand.click(self._part(panel, QAbstractButton, f"label:{label}"))
            points = [canvas.to_view(QPointF(x * drawing.width, y * drawing.height)) for x, y in corners]
            self._hand.drag(canvas, along([(point.x(), point.y()) for point in points]))
        self._wait(lambda: panel.live.up_to_date, "The landscape", PICTURE_SECONDS)
        self._written(self._folder / "paint-map.png", lambda path: panel.files.save_map(path, "colour"))
        self._written(self._folder / "paint.png", panel.files.save_picture)
        self._screenshot("screenshot-paint.png")

    def upscale(self) -> None:
        """Drop a photo, enlarge it, and look at before and after."""
        photo = self._folder / "upscale-before.jpg"
        sample = importlib.resources.files("resources") / "samples" / "photos" / "otter.jpg"
        photo.write_bytes(sample.read_bytes())
        for old in (self._folder / "upscaled").glob(f"{photo.stem}*"):
            old.unlink()
        self._tell(photo)
        panel = self._visit("upscale", UpscalePanel)
        self._window.open_files([photo])
        start = self._part(panel, QAbstractButton, "upscale:start")
        self._wait(lambda: start.isEnabled() and not panel.intake.busy, "The photo", FILE_SECONDS)
        self._hand.click(start)
        self._wait(lambda: all(row.state == "done" for row in panel.queue.rows), "The enlarged photo", UPSCALE_SECONDS)
        for row in panel.queue.rows:
            if row.planned is not None and row.planned.output is not None:
                self._tell(row.planned.output)
        view = self._part(panel, CompareView, "upscale:compare")
        self._wait(lambda: view.after_image() is not None, "The comparison", FILE_SECONDS)
        y = view.height() / 2
        self._hand.drag(view, along([(view.width() * view.divider, y), (view.width() * 0.35, y)], steps=24))
        self._screenshot("screenshot-upscale.png")

    def models(self) -> None:
        """Show what is at hand."""
        self._window.go_to(MODELS)
        page = self._window.findChild(ModelsPage)
        if page is None:
            raise GaveUp("The page of the models did not open.")
        self._wait(lambda: page.sheets.all_came, "The models' sample sheets", PICTURE_SECONDS)
        self._screenshot("screenshot-models.png")

    # Parts

    def _visit(self, name: str, kind: type[Kind]) -> Kind:
        self._hand.click(self._part(self._window, QAbstractButton, f"rail:{name}"))
        panel = self._window.panel(name)
        if not isinstance(panel, kind) or not isinstance(panel, Panel):
            raise GaveUp(f"The panel {name} did not open.")
        panel.noticed.connect(self._noticed)
        return panel

    def _hear(self) -> None:
        self._heard = time.monotonic()

    def _settle(self) -> None:
        """Let thumbnails and other things that nobody waits for be finished, within reason."""
        limit = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < min(limit, self._heard + QUIET_SECONDS):
            rest(100)

    def _noticed(self, notice: Notice | None) -> None:
        if notice is not None and notice.bad:
            self._trouble.append(" ".join(part for part in (notice.what, notice.why, notice.hint) if part))

    def _part(self, parent: QWidget, kind: type[Kind], name: str) -> Kind:
        part = parent.findChild(kind, name)
        if part is None:
            raise GaveUp(f"The window has no {name}.")
        return part

    def _wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait, but not on once the panel has said that something failed."""
        wait_until(lambda: bool(self._trouble) or holds(), what, seconds)
        if self._trouble:
            raise GaveUp(self._trouble[0])

    def _full_face(self, panel: ExplorePanel, seconds: float) -> None:
        self._wait(lambda: panel.facts is not None and panel.shown == panel.document.now, "The face", seconds)

    def _pull(self, slider: Slider, share: float) -> None:
        """Drag a slider from where it stands to a share of its length."""
        area = slider.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            area.ensureWidgetVisible(slider)
            rest(0)
        y, start = slider.height() / 2, slider.at(slider.value())
        self._hand.drag(slider, along([(start, y), (share * slider.width(), y)], steps=24))

    def _keep_picture(self, panel: ExplorePanel, path: Path) -> None:
        self._written(path, panel.save)

    def _written(self, path: Path, write: Callable[[Path], None]) -> None:
        path.unlink(missing_ok=True)
        write(path)
        self._wait(path.exists, path.name, FILE_SECONDS)
        self._tell(path)

    def _screenshot(self, name: str) -> None:
        path = self._folder / name
        self._settle()
        if not self._window.grab().save(str(path)):
            raise GaveUp(f"{path} could not be written.")
        self._tell(path)
