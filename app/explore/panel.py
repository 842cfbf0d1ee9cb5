"""Explore: wander through what a latent model can make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.explore import files, thumbnail_store
from app.explore.drag_desk import DragDesk
from app.explore.finish import Finish
from app.explore.first_picture import brought_to
from app.explore.frames import EmptyPage, SheetColumn, StripRow, ViewBar, arranged, choice_of, widths
from app.explore.gestures import ROLL_BELOW, Gestures
from app.explore.morph_desk import MorphDesk, can_morph
from app.explore.opening import Opening
from app.explore.places import Places
from app.explore.project_desk import ProjectDesk
from app.explore.rendering import Renderer, Thumbnails, image_in
from app.explore.sample_sheet import SampleSheets
from app.explore.saving import Saving
from app.explore.stamps import Stamps
from app.explore.state import Document
from app.explore.timeline import MorphRow
from app.explore.tools import Tools
from app.explore.variation import Variation
from app.explore.view import ExploreView
from app.inference.requests import DescribeRequest, ModelFacts
from app.inference.updates import Done, Failure, Frame, Update
from app.settings import Settings
from app.widgets.background import Background
from app.widgets.model_picker import ModelPicker
from app.widgets.panel import Notice, Panel
from app.widgets.picture_view import picture_of
from app.widgets.save_dialog import ask_where

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from models.card import Card
    from models.catalogue import Catalogue, Entry

TASK = "latent"


class ExplorePanel(Panel):
    """See the module. Asks the worker for everything and never waits. Nothing happens before `restore`.

    `shown` is the variation whose full picture is in view (None while a preview or a morph is), `facts` what is known of the
    model once it is open."""

    name = "explore"
    title = "Explore"

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker, self._catalogue, self._settings = worker, catalogue, settings
        self._entries: dict[str, Entry] = {}
        self.facts: ModelFacts | None = None
        self._described, self._describing = "", -1  # the model at hand, and the ticket that asks for its facts
        self._stamps = Stamps()
        self._over = self._troubled = False
        self._shown_image: QImage | None = None
        self.shown: Variation | None = None
        self.document = Document(self.history)
        self.document.changed.append(self._document_changed)
        self._finish = Finish(settings, self)
        self._finish.changed.connect(self._make_anew)
        self._renderer = Renderer(worker, self._finish.upscaler, self)
        self._renderer.shown.connect(self._show)
        self._renderer.failed.connect(self._failed)
        self._thumbnails = Thumbnails(worker, self)
        self._files = Background(self)
        self._sheets = SampleSheets(catalogue, self._thumbnails, self._files, self)
        self._saving = Saving(self.document, self._renderer, self._files, self._card_of, self._finish.upscaler, self)
        self._saving.elsewhere.connect(self.export)
        self._opening = Opening(self)
        self._opening.noticed.connect(self.noticed)
        self._opening.get_models.connect(self.get_models)
        worker.updated.connect(self._engine_said)
        self._build()
        self._keys()

    # Building

    def _build(self) -> None:
        self._picker = self.picker = ModelPicker("explore:model", self)
        self._picker.hide()  # until the window's header takes it
        self._picker.chosen.connect(self.choose_model)
        self._picker.add_file.connect(self.add_model)
        self._picker.get_more.connect(self.get_models)
        self.view = ExploreView()
        self.view.placeholder = self.tr("The first picture is being made…")
        self.view.alone.connect(self._toggle_alone)
        self.setFocusProxy(self.view)
        if not self._settings.get("explore.hint_seen", False):
            self.view.hint = self.tr("Drag a slider, pull the map of seeds, or press R for another one")
        self.tools = Tools(lambda seed: self._thumbnails.get(self._places.plain(seed)))
        self._hand = Gestures(self.document, self._renderer, self.tools, lambda: self.facts, self)
        self._hand.began.connect(self._gesture)
        self.sheet, self.strip, self.bar = SheetColumn(), StripRow(), ViewBar(self._finish.button)
        self.sheet.seeds.chosen.connect(self._sheet_chosen)
        self._places = Places(
            self.document,
            self._thumbnails,
            self.sheet,
            self.strip,
            title_of=self._hand.title_of,
            near=self.tools.pad.seeds_in_view,
            at_hand=lambda model: model in self._entries,
            parent=self,
        )
        self._thumbnails.came.connect(lambda variation, image: self.tools.show_thumbnails())
        self.strip.seen.chosen.connect(self._go_back_to)
        self.strip.favourites.chosen.connect(self._go_back_to)
        self.strip.favourites.removed.connect(lambda key: self.document.unfavour(self._places.variation(key)))
        self.bar.pin.clicked.connect(self.document.pin)
        self.bar.star.clicked.connect(self.document.favour)
        self.bar.copy.clicked.connect(self.copy)
        self.bar.fit.clicked.connect(self.view.fit)
        self.bar.send.clicked.connect(self._send)
        self.view.view_changed.connect(self._show_zoom)
        self._build_morph()
        empty = EmptyPage()
        empty.get.connect(self.get_models)
        empty.add.connect(self.add_model)
        self._stack = QStackedWidget()
        self._stack.addWidget(arranged(self.sheet, self.view, self.bar, self.tools, self.strip, self.morph_row))
        self._stack.addWidget(empty)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._stack)

    def _build_morph(self) -> None:
        self.morph_row = MorphRow()
        self.morph = MorphDesk(
            self._worker,
            self.document,
            self._thumbnails,
            self._files,
            self.morph_row,
            self._settings,
            facts=lambda: self.facts,
            card=self._card,
            parent=self,
        )
        self.strip.morph.clicked.connect(self.morph.open)
        self.morph_row.closed.connect(self.view.setFocus)  # its button goes with it, and keys would go out of the panel
        self.morph.opened.connect(self._morph_opened)
        self.morph.shown.connect(self._show_passing)
        for part in (self._saving, self.morph):
            part.message.connect(self.message)
            part.noticed.connect(self.noticed)
        self.morph.progressed.connect(self.progressed)
        self.drag = DragDesk(self._worker, self.document, self.view.tool, self.tools.drag, lambda: self.facts, self)
        self.drag.shown.connect(self._show_passing)
        self.drag.ended.connect(self._make_anew)
        self.drag.failed.connect(self._failed)
        self.project = ProjectDesk(self._worker, self.document, self._files, self._settings, lambda: self.facts, self)
        self.project.found.connect(lambda variation: self._hand.go(variation, self.tr("Find a photo")))
        self.bar.photo.clicked.connect(self.project.ask)

    def _keys(self) -> None:
        doing = (
            ("R", self._hand.roll),
            ("P", self.document.pin),
            ("F", self.document.favour),
            ("Ctrl+C", self.copy),
            ("Ctrl+V", self.paste),
        )
        for keys, action in doing:
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    # Models

    def catalogue_changed(self) -> None:
        entries = self._catalogue.entries()
        renewed = self._stamps.look(entries, (self._renderer, self._thumbnails, self._places, self.morph))
        self._finish.set_entries(entries)
        self._entries = {entry.name: entry for entry in entries if entry.card.task == TASK}
        self._sheets.set_entries(list(self._entries.values()))
        self._picker.set_choices([choice_of(entry) for entry in self._entries.values()])
        model = self.document.now.model
        if model in self._entries:
            if self.facts is None or self.facts.name != model or model in renewed:
                self._describe(model)
        else:
            wanted = self._settings.get("explore.model", "")
            self._describe(wanted if wanted in self._entries else next(iter(self._entries), ""))

    def choose_model(self, name: str) -> None:
        """Work with another model, as a step that can be undone."""
        self._settings.set("explore.model", name)
        self._hand.go(brought_to(self.document.now, name, self._entries), self.tr("Model"))
        self._places.reveal(self.document.now.seed)

    def _describe(self, name: str) -> None:
        """Make a model the one at hand: its controls follow when it is open."""
        self._stack.setCurrentIndex(0 if name else 1)
        self._described, self.facts = name, None
        if not name:
            self.exportable.emit(False)
            return
        self._picker.choose(name)
        if self.document.now.model != name:
            self.document.now = brought_to(self.document.now, name, self._entries)
            self._places.reveal(self.document.now.seed)
        self._describing = self._worker.submit(DescribeRequest(name), lane="explore:model")
        self._document_changed()
        self._renderer.rest(self.document.now)

    def _engine_said(self, ticket: int, update: Update) -> None:
        if ticket != self._describing:
            return
        if isinstance(update, Done) and isinstance(update.result, ModelFacts):
            self.facts = update.result
            self.tools.show_model(update.result)
            self._finish.show_model(update.result)
            self.drag.show_model(update.result)
            self.bar.offer_photo(update.result.projectable)
            if update.result.classes and self.document.now.label is None:
                self.document.now = replace(self.document.now, label=0)
                self._renderer.rest(self.document.now)
            self.tools.show_variation(self.document.now)
        elif isinstance(update, Failure):
            self._failed(update)

    @property
    def is_full(self) -> bool:
        """Whether the full picture of what the document says is shown."""
        return self.shown == self.document.now

    def _card(self) -> Card | None:
        return self._card_of(self.document.now.model)

    def _card_of(self, model: str) -> Card | None:
        entry = self._entries.get(model)
        return entry.card if entry is not None else None

    # What a hand does

    def roll(self) -> None:
        """Another seed, by chance."""
        self._hand.roll()

    def _sheet_chosen(self, key: str) -> None:
        self._hand.go(self.document.now.at_seed(self._places.variation(key).seed), self.tr("Seed"))

    def _go_back_to(self, key: str) -> None:
        variation = self._places.variation(key)
        if variation.model in self._entries:
            self._hand.go(variation, self.tr("Go back"))
        else:
            self._opening.say_gone()

    def _gesture(self) -> None:
        self.morph.close()
        self.drag.stop()
        if self.view.hint:
            self.view.hint = ""
            self.view.update()
            self._settings.set("explore.hint_seen", True)

    def _toggle_alone(self) -> None:
        alone = self.tools.isHidden()
        for part in (self.sheet, self.tools, self.morph_row if self.morph.is_open else self.strip):
            part.setVisible(alone)

    # What is shown

    def _document_changed(self) -> None:
        now = self.document.now
        if now.model and now.model != self._described and now.model in self._entries:
            self._describe(now.model)
            return
        self.tools.show_variation(now)
        self.bar.pin.setChecked(self.document.pinned == now)
        self.bar.star.setChecked(now in self.document.favourites)
        self.bar.star.setIcon(theme.icon("star-filled" if now in self.document.favourites else "star"))
        pinned = self.document.pinned
        self.view.set_pinned((self._renderer.full(pinned) or self._thumbnails.get(pinned)) if pinned else None)
        self.strip.morph.setEnabled(can_morph(self.document.favourites, now.model))
        self.morph.refresh()
        self.drag.refresh()
        self._places.show()
        if now.model in self._entries:
            self._renderer.follow(now)
        elif now.model:  # undone to a picture of a model that was removed meanwhile
            self._troubled, self.shown = True, None
            self._opening.say_gone()
        self.worth_keeping.emit()

    def _show(self, variation: Variation, image: QImage, frame: Frame | None) -> None:
        final = frame is None or frame.final
        self.shown, self._shown_image = variation if final else None, image
        self.view.preview_of = 0 if frame is None or final else frame.resolution
        self.view.show_image(image)
        self._show_zoom()
        if frame is not None:
            self.timed.emit(frame.milliseconds, f"{frame.resolution} px")
        if not final:
            return
        self.exportable.emit(True)
        if self._troubled:
            self._troubled = False
            self.noticed.emit(None)
        if variation == self.document.now:
            self.document.settle()
            self.worth_keeping.emit()  # the history has grown
            self._thumbnails.keep(variation, image)
            if self.document.pinned == variation:
                self.view.set_pinned(image)
            self._places.show()
            self._saving.full_picture_came(variation)

    def _show_passing(self, frame: Frame) -> None:
        """A picture of a morph, or of points on their way."""
        self.shown, self._shown_image = None, image_in(frame)
        self.view.show_image(self._shown_image)
        self.timed.emit(frame.milliseconds, f"{frame.resolution} px")

    def _morph_opened(self, opened: bool) -> None:
        self.drag.put_away()
        self.view.preview_of = 0
        self.strip.setVisible(not opened and not self.tools.isHidden())  # the picture may stand alone
        if not opened:
            self._renderer.rest(self.document.now)

    def _make_anew(self) -> None:
        self._renderer.rest(self.document.now)

    def _failed(self, failure: Failure) -> None:
        self._troubled = True
        self._saving.give_up()
        self.view.placeholder = failure.what
        self.view.update()
        again = self.tr("Try again")
        self.noticed.emit(Notice(failure.what, failure.why, failure.hint, again, self._try_again, True))

    def _try_again(self) -> None:
        """The picture, and where the model could not be opened, its controls too."""
        if self.facts is None and self._described:
            self._describe(self._described)
        else:
            self._make_anew()

    def _show_zoom(self) -> None:
        view = self.view  # the scale is told of the full picture's pixels, also while a preview stands in for it
        full = max(self.facts.resolution if self.facts else 0, view.image.width())
        self.bar.zoom.setText(f"{view.scale * view.image.width() / full * 100:.0f} %" if view.has_picture() else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        columns, sheet, tools = widths(self.width())
        self.sheet.set_columns(columns)
        self.sheet.setFixedWidth(sheet)
        self.tools.setFixedWidth(tools)
        super().resizeEvent(event)

    # In and out

    def copy(self) -> None:
        """The picture at hand to the clipboard."""
        self._with_picture(self._saving.copy)

    def paste(self) -> None:
        """A photo from the clipboard, to be found in the model at hand."""
        if self.project.can:
            self.project.paste()
        elif self.facts is not None:
            self.noticed.emit(Notice(self.tr("This model cannot look for photos."), hint=self.tr("Choose a StyleGAN.")))

    def _send(self) -> None:
        self._with_picture(lambda image: self.send_to.emit("upscale", picture_of(image)))

    def _with_picture(self, action: Callable[[QImage], None]) -> None:
        """Of a morph the picture in view, else the full one, also where a preview stands in for it yet."""
        if self.morph.is_open and self._shown_image is not None:
            action(self._shown_image)
        elif self.document.now.model:
            self.drag.stop()
            self._saving.once_full(action)

    def export(self) -> None:
        name = f"{self.document.now.model}-{self.document.now.seed}.png"
        if (path := ask_where(self, self._settings, "explore.folder", name)) is not None:
            self.save(path)

    def save(self, path: Path) -> None:
        """Save the full picture with its recipe inside; where it is still being made, once it is there. `message` says so."""
        self.drag.stop()
        self._saving.save(path)

    def open_file(self, path: Path) -> bool:
        """Restore a picture of Explore from the recipe inside it; find any other photo in the model at hand, where that can."""
        recipe = files.read_recipe(path)
        if recipe is None and self.project.can:
            self.project.open(path)
        if recipe is None:
            return self.project.can
        variation = self._opening.follow(recipe, path.name, self._entries.values())
        if variation is None:
            return True
        self._hand.go(variation, self.tr("Open {}").format(path.name))
        self.titled.emit(path.stem)
        self.message.emit(self.tr("Restored from {}").format(path.name))
        return True

    def state(self) -> dict[str, Any]:
        return {"document": self.document.state(), "sheet": self._places.start}

    def restore(self, state: dict[str, Any]) -> None:
        document, sheet = state.get("document"), state.get("sheet")
        if isinstance(sheet, int) and 0 <= sheet <= ROLL_BELOW:
            self._places.start = sheet
        if isinstance(document, dict):
            self.document.restore(document)
            last = QImage(str(thumbnail_store.last_picture()))
            if not last.isNull():
                self.view.show_image(last)  # what was seen last, until the engine has made it again
        self.catalogue_changed()
        self._thumbnails.take(thumbnail_store.kept(self._stamps.of))
        self._places.refill()

    def closing(self) -> str:
        lost = [self.tr("A picture that you saved or sent is not finished yet.")] if self._saving.busy else []
        if self.morph.busy:
            lost.append(self.tr("A morph is still being saved."))
        return " ".join(lost)

    def shut(self) -> None:
        if self._over:
            return
        self._over = True
        if self.is_full and self._shown_image is not None:
            thumbnail_store.keep(self._shown_image, self._thumbnails.all(), self._stamps.of)
        self._places.shut()
        self._worker.updated.disconnect(self._engine_said)
        self._renderer.shut()
        self._thumbnails.shut()
        self.morph.shut()
        self.drag.shut()
        self.project.shut()
        self._files.shut()
