"""Paint: a label map is painted, and a landscape answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.inference.requests import PaintRequest
from app.inference.updates import Failure, Picture
from app.paint.asked import Asked
from app.paint.autosave import Autosave
from app.paint.desk import Desk
from app.paint.dialogs import MappingDialog
from app.paint.files import PaintFiles
from app.paint.frame import EmptyPage, Frame
from app.paint.live import Live
from app.paint.look_thumbs import LookThumbs
from app.paint.menu import DrawingMenu
from app.paint.models_here import NO_LABELS, ModelsHere
from app.paint.pen_test import PenTest
from app.paint.repainting import Repainting
from app.paint.shown_landscape import ShownLandscape
from app.paint.state import layering
from app.paint.state.adapting import adapted, missing_labels
from app.paint.state.changing import Changer
from app.paint.state.commands import DrawingCommand
from app.paint.state.document import CannotPaint, Change, Document
from app.paint.state.drawing import Drawing
from app.paint.state.look import Look, Looks, seed_look
from app.paint.state.palette import Palette
from app.paint.state.requesting import paint_request, thumbnail_request
from app.paint.state.starting import LOOKS, first_labels, named_look
from app.paint.state.tools import Tools
from app.paint.tooling import Tooling
from app.settings import Settings
from app.widgets.model_picker import ModelPicker
from app.widgets.panel import Notice, Panel

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.catalogue import Catalogue, Entry

ROLL_BELOW = 1_000_000  # dice stay in numbers that a person can read out
PLAIN = Looks(Look("plain"))
FIRST_SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)
MOST_LOOKS = 24


class PaintPanel(Panel):
    """See the module. Asks the worker for everything and never waits. Nothing is asked for before `restore`."""

    name = "paint"
    title = "Paint"

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self._awake = self._troubled = False
        self._fine = (0, True)  # what else than the look is in the small pictures of other looks: fine detail, natural edges
        self.picture: Picture | None = None
        self._looks = [*(named_look(name) for name in LOOKS), *(seed_look(seed) for seed in FIRST_SEEDS)]
        self.models = ModelsHere(worker, catalogue, settings, self)
        self._autosave = Autosave(lambda: self.document.drawing, self)
        recovered = self._autosave.found() if self.models.entries else None
        self._interrupted = recovered is not None and recovered.interrupted
        self._made_with = recovered.drawing.model if recovered is not None else ""
        drawing = self.models.first_drawing(recovered.drawing if recovered is not None else None)
        self.document = Document(drawing, self.history)
        self._changer = Changer(self.document)
        label, other = first_labels(drawing.palette)
        self.tools = Tools(label=label, other_label=other)
        self.desk = Desk(self.document, self.tools, self)
        self.live = Live(worker, self._request, self)
        self.asked = Asked(worker, self.live, lambda: self.document.drawing, lambda: self._request(False), self)
        self._shown_landscape = ShownLandscape(self.desk)
        self._thumbs = LookThumbs(worker, self._thumbnail, lambda: self._frame.looks.looks(), self)
        self.files = PaintFiles(self)
        self.repainting = Repainting(worker, catalogue, lambda: self.document.drawing, self)
        self._build()
        self._wire()
        self._fill_picker()
        self._show_drawing()

    # Building

    def _build(self) -> None:
        self._picker = self.picker = ModelPicker("paint:model")
        self._frame, self._empty = Frame(self.desk), EmptyPage()
        self._tooling = Tooling(self.desk, self._frame, self)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._frame)
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        files = self.files
        self._menu = DrawingMenu(
            self._frame.options.menu,
            self,
            {
                "new": files.ask_new, "open": files.ask_open, "save": files.save, "save as": files.ask_save_project,
                "export": self.export, "copy": files.copy, "import map": lambda: files.ask_open("map"),
                "repaint": lambda: files.ask_open("repaint"), "size": files.ask_size,
                "map index": lambda: files.ask_save_map("index"), "map colour": lambda: files.ask_save_map("colour"),
                "layered": files.ask_save_layers, "send": files.send, "pen": lambda: PenTest(self).open(),
                "grain": self.roll_grain, "patterns": lambda: self.show_patterns(not self.desk.patterns),
            },
            files.open_example,
            files.open_recent,
        )  # fmt: skip
        views = self._frame.views
        views.landscape.placeholder = self.tr("The first landscape is on its way …")
        if not self.settings.get("paint.hint_seen", False):
            views.canvas.hint = self.tr("Choose a label at the right and paint: the landscape follows. [ and ] change the brush.")
        self.setFocusProxy(views)
        views.setFocusProxy(views.canvas)
        if self.settings.get("paint.patterns", False):
            self.show_patterns(True)

    def _wire(self) -> None:
        frame, desk, live = self._frame, self.desk, self.live
        self.document.watchers.append(self._changed)
        self._picker.chosen.connect(self.choose_model)
        for source in (self._picker.add_file, self._empty.add):
            source.connect(self.add_model)
        for source in (self._picker.get_more, self._empty.get):
            source.connect(self.get_models)
        self.models.described.connect(self._described)
        desk.hand.began.connect(lambda: live.move(True))
        desk.hand.ended.connect(lambda: live.move(False))
        desk.hand.refused.connect(self._refused)
        desk.tools_changed.connect(self._show_tools)
        desk.touched.connect(self._gesture)
        self._tooling.rolled.connect(self.roll)
        self._tooling.paused.connect(lambda: live.pause(not live.paused))
        frame.options.paused.connect(live.pause)
        frame.side.labels.background_wanted.connect(lambda number: self._changer.set_background(number, self.tr("background")))
        self._wire_layers()
        frame.looks.chosen.connect(self.choose_look)
        frame.looks.rolled.connect(self.roll)
        frame.looks.photo_wanted.connect(lambda: self.files.ask_open("look"))
        frame.looks.edged.connect(self.follow_edges)
        frame.looks.blended.connect(lambda share, sliding: self._changer.blend(share, self.tr("blend"), sliding))
        live.answered.connect(self._answered)
        live.state_changed.connect(frame.options.show_state)
        live.failed.connect(self._failed)
        live.remarked.connect(self.message)
        self.asked.waiting.connect(lambda: self.message.emit(self.tr("The landscape is being finished first.")))
        self.asked.failed.connect(lambda failure: self.noticed.emit(Notice(failure.what, failure.why, failure.hint, bad=True)))
        self._autosave.refused.connect(self._unsafe)
        self._thumbs.painted.connect(frame.looks.show_image)
        self.files.named.connect(self._menu.show_recent)
        self.files.named.connect(lambda _: self._autosave.changed())  # which file it came from is kept with the drawing
        self.repainting.drawn.connect(self.files.take_repainted)
        self.repainting.noticed.connect(self.noticed)
        self.repainting.message.connect(self.message)
        self._menu.show_recent(self.files.recent())

    def _wire_layers(self) -> None:
        side, document = self._frame.side, self.document
        side.add.clicked.connect(lambda: layering.add_layer(document, self.tr("Drawing"), self.tr("new layer")))
        side.photo.clicked.connect(lambda: self.files.ask_open("trace"))
        side.layers.picked.connect(lambda key: layering.activate(document, key))
        side.layers.shown.connect(lambda key, on: layering.show(document, key, on, self.tr("visibility")))
        side.layers.faded.connect(
            lambda key, value, sliding: self._changer.set_layer(key, "opacity", value, self.tr("opacity"), sliding)
        )
        side.layers.renamed.connect(lambda key, text: self._changer.set_layer(key, "name", text, self.tr("name of a layer")))
        side.layers.act.connect(lambda action, key: layering.act(document, action, key, self.tr("layers")))

    # Waking up, models

    def restore(self, state: dict[str, Any]) -> None:
        """Put tools back as they were and ask for the first landscape."""
        tools = state.get("tools")
        self.tools.take_json(tools if isinstance(tools, dict) else {})
        self.tools.fit(self.document.drawing.palette)
        self.files.tell_name()
        self._show_tools()
        self._awake = True
        if self._interrupted:
            self.noticed.emit(
                Notice(self.tr("Your drawing is here again."), self.tr("Ganvas did not end by itself the last time."))
            )
        here = self.models.named(self.document.drawing.model)
        if self._made_with and here is not None and here.name != self._made_with:
            self.files.tell_of_model(self._made_with, here)
        problem = self._autosave.problem
        if problem is not None:
            why, aside = problem
            what = self.tr("The drawing that was worked on last cannot be opened.")
            self.noticed.emit(Notice(what, why, self.tr("What is left of it is kept as {0}.").format(aside), bad=True))
        self._ask_all()

    def state(self) -> dict[str, Any]:
        return {"tools": self.tools.to_json()}

    def catalogue_changed(self) -> None:
        had = bool(self.models.entries)
        self.models.refresh()
        self._fill_picker()
        if self.models.entries and not had and self.document.drawing.labels == NO_LABELS:
            self.document.show(self.models.first_drawing(None))
        elif self.models.entries and self.models.named(self.document.drawing.model) is None:
            self.choose_model(self.models.entries[0].name)
        else:
            self._ask_all()

    def _ask_all(self) -> None:
        """Everything that is asked of the engine for this drawing: the landscape, other looks, what the model can do."""
        if self._awake and self.models.named(self.document.drawing.model) is not None:
            self.models.describe(self.document.drawing.model)
            self.live.changed()
            self._thumbs.outdated()

    def _described(self, style_dim: int, news: bool) -> None:
        self._frame.looks.allow_looks(style_dim > 0)
        if news:  # what was asked for before had a look that the model cannot take, or lacked the one that it can
            self.live.changed()
            self._thumbs.outdated()

    def _fill_picker(self) -> None:
        self._picker.set_choices(self.models.choices())
        self._stack.setCurrentWidget(self._frame if self.models.entries else self._empty)
        self._picker.choose(self.document.drawing.model)
        self._menu.show_upscalers(self.models.upscalers, self.models.finish, self.choose_finish)

    def choose_model(self, name: str) -> None:
        """Paint with another model; labels that it does not know are asked for. One that labels photos asks for a photo."""
        entry = self.models.named(name)
        if entry is None and self.repainting.prefer(name):
            self.files.ask_open("repaint")
        if entry is not None and name != self.document.drawing.model:
            self.models.choose(name)
            self.take_drawing(self.document.drawing, entry, self.tr("This drawing"), self.tr("model"))

    def choose_finish(self, name: str) -> None:
        """What finishes a landscape when the hand rests: an upscaler's name, "auto" or "none"."""
        self.models.choose_finish(name)
        self._menu.show_upscalers(self.models.upscalers, name, self.choose_finish)
        self.live.changed()

    def take_drawing(
        self, drawing: Drawing, entry: Entry, asked_of: str, title: str, then: Callable[[], object] | None = None
    ) -> None:
        """Put a drawing on the canvas as one undo step, in the labels of a model; labels it lacks are asked for first."""

        def take(answers: dict[int, int]) -> None:
            self.desk.hand.cancel()
            self.history.seal()
            self.history.do(DrawingCommand(self.document, adapted(drawing, entry.card, answers), title))
            self.history.seal()
            if then is not None:
                then()

        unknown = missing_labels(drawing, entry.card)
        if not unknown:
            take({})
            return
        dialog = MappingDialog(asked_of, unknown, drawing.width * drawing.height, Palette(entry.card.labels), self)
        dialog.accepted.connect(lambda: take(dialog.answers))
        dialog.rejected.connect(lambda: self._picker.choose(self.document.drawing.model))
        dialog.open()

    # What is asked of the engine, and what it answers

    def _request(self, hurry: bool) -> PaintRequest | None:
        drawing = self.document.drawing
        if not self._awake or self.models.named(drawing.model) is None:
            return None
        finish = "" if hurry else self.models.upscaler(drawing)
        looks = drawing.looks if self.models.has_looks(drawing.model) else PLAIN
        return paint_request(drawing.model, self.document.map, looks, hurry=hurry, enlarge_with=finish)

    def _thumbnail(self, look: Look) -> PaintRequest | None:
        drawing = self.document.drawing
        if not self._awake or self.models.named(drawing.model) is None or self.live.paused:
            return None
        if not self.models.has_looks(drawing.model):
            return None
        return thumbnail_request(drawing.model, self.document.map, look, drawing.looks)

    def _answered(self, picture: Picture, request: PaintRequest, milliseconds: float, resolution: int, final: bool) -> None:
        if picture is not self.picture or final:
            self.picture = picture
            self._shown_landscape.show(picture, request, final)
            self.exportable.emit(True)
        if final and self._troubled:  # what was said of a picture that could not be made is over
            self._troubled = False
            self.noticed.emit(None)
        if milliseconds:
            self.timed.emit(milliseconds, f"{resolution} px")

    def _failed(self, failure: Failure) -> None:
        self._troubled = True
        self._frame.views.landscape.placeholder = failure.what
        self._frame.views.landscape.update()
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, self.tr("Try again"), self.live.changed, True))

    # What changed, and what shows it

    def _changed(self, change: Change) -> None:
        if change.what == "drawing":
            self._show_drawing()
            self._ask_all()
        elif change.what == "layers":
            self._frame.side.layers.show_layers(self.document.drawing)
            self._show_tools()
        elif change.what == "looks":
            self._show_looks()
            self.live.changed()
        else:
            self.live.changed()
            self._thumbs.outdated()
        self._autosave.changed()

    def _show_drawing(self) -> None:
        drawing = self.document.drawing
        self._frame.side.labels.set_palette(drawing.palette, self.desk.patterns)
        self._frame.side.layers.show_layers(drawing)
        self._frame.views.arrange()
        self._picker.choose(drawing.model)
        self._frame.looks.allow_edges(self.models.has_edges(drawing.model))
        self._show_looks()
        self._show_tools()

    def _show_tools(self) -> None:
        tools = self.tools
        self._frame.tools.show_tools(tools)
        self._frame.options.show_tools(tools)
        self._frame.side.labels.show_choice(tools.label, tools.other_label, self.document.drawing.background)

    def _show_looks(self) -> None:
        looks = self.document.drawing.looks
        wanted = [look for look in (looks.first, looks.second) if look is not None and look.kind != "plain"]
        fresh = [look for look in wanted if look not in self._looks]
        if fresh or not self._frame.looks.looks():
            self._looks = [*fresh, *self._looks][:MOST_LOOKS]
            self._frame.looks.set_looks(self._looks)
            self._thumbs.disturbed()
        self._frame.looks.show_looks(looks)
        if (looks.grain, looks.natural_edges) != self._fine:
            self._fine = looks.grain, looks.natural_edges
            self._thumbs.outdated()

    def _unsafe(self, why: str) -> None:
        what = self.tr("What you paint cannot be kept safe on this disk.")
        hint = self.tr("Make room, or save the drawing to another disk: a sudden end would lose it.")
        self.noticed.emit(Notice(what, why, hint, self.tr("Save the drawing as…"), self.files.ask_save_project, bad=True))

    def _gesture(self) -> None:
        canvas = self._frame.views.canvas
        if canvas.hint:
            canvas.hint = ""
            canvas.update()
            self.settings.set("paint.hint_seen", True)
        self._thumbs.disturbed()

    def _refused(self, refusal: CannotPaint) -> None:
        layer = refusal.hidden
        if layer is None:
            self.noticed.emit(Notice(refusal.what, hint=refusal.hint))
            return
        key = layer.key
        show = lambda: layering.show(self.document, key, True, self.tr("visibility"))  # noqa: E731
        self.noticed.emit(Notice(refusal.what, hint=refusal.hint, button=self.tr("Show it"), action=show))

    # Keys, undo

    def show_patterns(self, on: bool) -> None:
        """Patterns on the labels, for eyes that cannot tell the colours apart."""
        self.settings.set("paint.patterns", on)
        self._menu.patterns.setChecked(on)
        self._frame.side.labels.set_palette(self.document.drawing.palette, on)
        self.desk.show_patterns(on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._tooling.key(event):
            super().keyPressEvent(event)

    def undo(self) -> None:
        self.desk.hand.cancel()
        super().undo()

    def redo(self) -> None:
        self.desk.hand.cancel()
        super().redo()

    # Looks

    def choose_look(self, look: Look) -> None:
        """Another look; the one before stays at hand for blending."""
        self._changer.choose_look(look, self.tr("look"))

    def roll(self) -> None:
        """A look by dice."""
        self.choose_look(seed_look(random.randrange(ROLL_BELOW)))

    def roll_grain(self) -> None:
        """The same look with its fine detail drawn by dice."""
        self._changer.roll_grain(random.randrange(ROLL_BELOW), self.tr("fine detail"))

    def follow_edges(self, natural: bool) -> None:
        """Give strokes the outline of what they stand for, or follow them exactly."""
        self._changer.follow_edges(natural, self.tr("natural edges"))

    # In and out

    def open_file(self, path: Path) -> bool:
        return self.files.open(path)

    def receive(self, content: Any) -> None:
        if isinstance(content, str | Path):
            self.open_file(Path(content))
        elif self.models.entries:
            self.files.receive(content)

    def export(self) -> None:
        """Save the landscape with its recipe inside, asking where to."""
        if self.picture is not None:
            self.files.ask_save_picture()

    def closing(self) -> str:
        return self.tr("A landscape that you saved or sent is not finished yet.") if self.asked.busy else ""

    def shut(self) -> None:
        self.desk.hand.cancel()
        self.asked.shut()
        self.live.shut()
        self._thumbs.shut()
        self.models.shut()
        self.files.shut()
        self.repainting.shut()
        self._autosave.shut()
