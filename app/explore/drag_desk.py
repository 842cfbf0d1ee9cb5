"""Points dragged: from arrows to a request, from its steps to the picture, and what is reached into the document."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.explore.arrows import Arrows, after_drag
from app.explore.drag_section import DragSection
from app.explore.point_tool import PointTool
from app.explore.state import Document
from app.explore.variation import Variation
from app.inference.requests import DragRequest, ModelFacts
from app.inference.updates import ENDINGS, Done, Dragged, Failure, Update
from app.inference.worker import InferenceWorker

LANE = "explore:drag"
REMEMBERED = 50  # variations whose points come back when a person goes back to them
ARRIVED = 1 / 64  # of the picture's side: an arrow that is shorter has done its work


class DragDesk(QObject):
    """Lives behind a `DragSection` and a `PointTool`. `shown(Frame)` is a picture under way; `ended()` when no more come and the
    document's own picture is to be shown again, `failed(Failure)` where something stood in the way."""

    shown = Signal(object)
    ended = Signal()
    failed = Signal(object)

    def __init__(
        self,
        worker: InferenceWorker,
        document: Document,
        tool: PointTool,
        section: DragSection,
        facts: Callable[[], ModelFacts | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._worker, self._document, self._tool, self._section, self._facts = worker, document, tool, section, facts
        self._points_of: OrderedDict[Variation, Arrows] = OrderedDict()
        self._of: Variation | None = None  # the variation whose points the tool has
        self._ticket = -1
        self._advice = ""  # what was said to do when the tool was taken up
        self._start = Variation()
        self._last: Dragged | None = None
        worker.updated.connect(self._update)
        section.armed.connect(self._arm)
        section.mode_chosen.connect(self._choose_mode)
        section.brush_changed.connect(self._choose_brush)
        section.started.connect(self.start)
        section.stopped.connect(self.stop)
        section.cleared.connect(self.clear)
        section.freed.connect(lambda: self._take(self._tool.points.without_area()))
        tool.changed.connect(self._changed)
        tool.go.connect(self.start)
        tool.halt.connect(self.stop)
        tool.left.connect(lambda: self._arm(False))

    @property
    def is_running(self) -> bool:
        """Whether points are on their way."""
        return self._ticket >= 0

    def show_model(self, facts: ModelFacts) -> None:
        """What is known of the model at hand: the tool is there where its points can be dragged."""
        self._section.setVisible(facts.draggable)
        if not facts.draggable:
            self.put_away()

    def refresh(self) -> None:
        """The document may show another variation: its own points come with it."""
        now = self._document.now
        if now == self._of:
            return
        if self.is_running and now != self._start:
            self._drop()
        self._section.remark.setText(self._advice if self._tool.active else "")  # what was said is of another picture
        self._of = now
        self._take(self._points_of.get(now, Arrows()))

    def start(self) -> None:
        """Drag the points that are set."""
        arrows = self._tool.points.long_enough
        facts = self._facts()
        if self.is_running or facts is None or not facts.draggable:
            return
        if not arrows:
            self._section.remark.setText(self.tr("Set a point first: press on the picture, drag, release."))
            self._section.set_open(True)
            return
        self._start, self._last = self._document.now, None
        handles, targets = tuple(arrow.handle for arrow in arrows), tuple(arrow.target for arrow in arrows)
        self._ticket = self._worker.submit(DragRequest(self._start.request(), handles, targets, self._tool.points.movable), LANE)
        self._tool.set_places(handles)
        self._section.show_running(True)
        self._section.remark.setText(self.tr("Looking at the picture…"))

    def stop(self) -> None:
        """Stop and keep what is reached."""
        if self.is_running:
            last = self._last
            self._drop()
            self._section.remark.clear()
            if last is not None:
                self._keep(last, self.tr("Stopped after {} steps.").format(last.step))
            self.ended.emit()

    def clear(self) -> None:
        """Take all points away."""
        self.stop()
        self._take(Arrows(movable=self._tool.points.movable))

    def put_away(self) -> None:
        """Nothing is dragged and no point is shown any more."""
        self._arm(False)

    def shut(self) -> None:
        """The window closes: ask for nothing more."""
        if self.is_running:
            self._worker.cancel(self._ticket)
        self._worker.updated.disconnect(self._update)

    # From section and tool

    def _arm(self, on: bool) -> None:
        if on:
            if self._tool.mode == "area":
                self._advice = self.tr("Paint what may move. The rest stays as it is.")
            else:
                self._advice = self.tr("Press on the picture, drag to where that spot should go, release.")
            self._section.remark.setText(self._advice)
        else:
            self.stop()
            if self._section.remark.text() == self._advice:  # a hand pans again; what came of a drag may still be read
                self._section.remark.clear()
        self._tool.set_active(on)
        self._show()

    def _choose_mode(self, mode: str) -> None:
        self._tool.mode = "area" if mode == "area" else "points"

    def _choose_brush(self, share: float) -> None:
        self._tool.brush = share

    def _take(self, points: Arrows) -> None:
        self._tool.set_points(points)
        self._changed()

    def _changed(self) -> None:
        points = self._tool.points
        if self._of is not None:
            self._points_of.pop(self._of, None)
            if points.arrows or points.movable is not None:  # a slider passes many variations, and none of them has any
                self._points_of[self._of] = points
            while len(self._points_of) > REMEMBERED:
                self._points_of.popitem(last=False)
        self._show()

    def _show(self) -> None:
        points = self._tool.points
        self._section.show_tool(self._tool.mode if self._tool.active else None, points.movable is not None)
        self._section.clear.setEnabled(bool(points.arrows))
        self._section.start.setEnabled(self.is_running or bool(points.long_enough))

    # From the engine

    def _update(self, ticket: int, update: Update) -> None:
        if ticket != self._ticket:
            return
        if isinstance(update, Dragged):
            self._show_step(update)
        elif isinstance(update, Done) and isinstance(update.result, Dragged):
            self._drop()
            self._keep(update.result, self._in_words(update.result))
            self.ended.emit()
        elif isinstance(update, ENDINGS):
            self._drop()
            self._section.remark.clear()
            self.ended.emit()
            if isinstance(update, Failure):
                self.failed.emit(update)

    def _show_step(self, step: Dragged) -> None:
        self._last = step
        self._tool.set_places(step.points)
        facts = self._facts()
        pixels = round(max(step.left) * (facts.resolution if facts else 1))
        self._section.remark.setText(self.tr("Step {}: {} pixels to go").format(step.step, pixels))
        self.shown.emit(step.frame)

    def _in_words(self, last: Dragged) -> str:
        if last.ending == "there":
            return self.tr("All points are where they should be.")
        if last.ending == "stuck":
            if not last.step:
                return self.tr("The points do not move: the model knows no such picture. Try another spot, or another way.")
            return self.tr("As far as it goes and stays the same subject. Start goes on from here; more will change with it.")
        return self.tr("Stopped after {} steps: the points had not all arrived.").format(last.step)

    def _drop(self) -> None:
        """No drag is under way any more."""
        self._worker.cancel(self._ticket)
        self._ticket, self._last = -1, None
        self._tool.set_places(None)
        self._section.show_running(False)
        self._show()

    def _keep(self, last: Dragged, words: str) -> None:
        """What is reached becomes a step of the document."""
        if last.step:
            reached = self._start.from_latents(last.ws)
            self._points_of[reached] = after_drag(self._tool.points, last.points, last.left, ARRIVED)
            self._document.seal()
            self._document.become("drag", self.tr("Drag points"), reached)
            self._document.seal()
        self._section.remark.setText(words)
