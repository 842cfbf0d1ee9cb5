"""Explore: wander through what a latent model can make."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.explore import files
from app.explore.frames import EmptyPage, SheetColumn, StripRow, ViewBar, choice_of
from app.explore.places import Places
from app.explore.rendering import Renderer, Thumbnails
from app.explore.sample_sheet import SampleSheets
from app.explore.state import Document
from app.explore.tools import Tools
from app.explore.variation import RecipeError, Variation
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
    from models.catalogue import Catalogue, Entry

TASK = "latent"
ROLL_BELOW = 1_000_000  # dice stay in numbers that a person can read out
NARROW, WIDE = 1100, 2000  # window widths at which sheet and tools change theirs


class ExplorePanel(Panel):
    """See the module. Asks the worker for everything and never waits. Nothing happens before `restore`.

    `shown` is the variation whose full picture was shown last, `facts` what is known of the model once it is open."""

    name = "explore"
    title = "Explore"

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker, self._catalogue, self._settings = worker, catalogue, settings
        self._entries: dict[str, Entry] = {}
        self.facts: ModelFacts | None = None
        self._describing = -1
        self._over = self._troubled = False
        self._shown_image: QImage | None = None
        self.shown: Variation | None = None
        self._save_when_full: Path | None = None
        self.document = Document(self.history)
        self.document.changed.append(self._document_changed)
        self._renderer = Renderer(worker, self)
        self._renderer.shown.connect(self._show)
        self._renderer.failed.connect(self._failed)
        self._thumbnails = Thumbnails(worker, self)
        self._files = Background(self)
        self._sheets = SampleSheets(catalogue, self._thumbnails, self._files, self)
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
        self._wire_tools()
        self.sheet, self.strip, self.bar = SheetColumn(), StripRow(), ViewBar()
        self.sheet.seeds.chosen.connect(self._sheet_chosen)
        self._places = Places(
            self.document,
            self._thumbnails,
            self.sheet,
            self.strip,
            title_of=self._title_of,
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
        middle = QVBoxLayout()
        middle.addWidget(self.view, 1)
        middle.addWidget(self.bar)
        upper = QHBoxLayout()
        upper.addWidget(self.sheet)
        upper.addLayout(middle, 1)
        upper.addWidget(self.tools)
        work = QWidget()
        column = QVBoxLayout(work)
        column.addLayout(upper, 1)
        column.addWidget(self.strip)
        empty = EmptyPage()
        empty.get.connect(self.get_models)
        empty.add.connect(self.add_model)
        self._stack = QStackedWidget()
        self._stack.addWidget(work)
        self._stack.addWidget(empty)
        whole = QVBoxLayout(self)
        whole.addWidget(self._stack)
        for layout in (middle, upper, column, whole):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)

    def _wire_tools(self) -> None:
        tools, document = self.tools, self.document
        tools.seed_typed.connect(lambda seed: self._go(document.now.at_seed(seed), self.tr("Seed")))
        tools.dice.connect(self.roll)
        tools.moved.connect(lambda x, y: self._move("place", self.tr("Walk"), x=x, y=y))
        tools.psi_changed.connect(lambda psi: self._move("psi", self.tr("Truncation"), psi=psi))
        tools.direction_changed.connect(self._move_along)
        tools.directions_reset.connect(lambda: self._go(replace(document.now, directions=()), self.tr("Reset directions")))
        tools.label_changed.connect(lambda label: self._go(replace(document.now, label=label), self.tr("Class")))
        tools.mix_seed_changed.connect(self._mix_with)
        tools.mix_layers_changed.connect(self._mix_layers)
        tools.noise_changed.connect(lambda noise: self._go(replace(document.now, noise=noise), self.tr("Fine detail")))
        tools.noise_dice.connect(self._roll_noise)
        tools.settled.connect(self._settle)

    def _keys(self) -> None:
        for keys, action in (("R", self.roll), ("P", self.document.pin), ("F", self.document.favour)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self)
        copy.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copy.activated.connect(self.copy)

    # Models

    def catalogue_changed(self) -> None:
        self._entries = {entry.name: entry for entry in self._catalogue.entries() if entry.card.task == TASK}
        self._sheets.set_entries(list(self._entries.values()))
        self._picker.set_choices([choice_of(entry) for entry in self._entries.values()])
        if self.document.now.model in self._entries:
            if self.facts is None or self.facts.name != self.document.now.model:
                self._describe(self.document.now.model)
        else:
            wanted = self._settings.get("explore.model", "")
            self._describe(wanted if wanted in self._entries else next(iter(self._entries), ""))

    def choose_model(self, name: str) -> None:
        """Work with another model, as a step that can be undone."""
        self._settings.set("explore.model", name)
        # Another model's directions, layers and classes mean nothing to it.
        plain = replace(self.document.now, model=name, directions=(), mix_seed=None, mix_layers=(), label=None)
        self._go(plain, self.tr("Model"))

    def _describe(self, name: str) -> None:
        """Make a model the one at hand: its controls follow when it is open."""
        self._stack.setCurrentIndex(0 if name else 1)
        self.facts = None
        if not name:
            self.exportable.emit(False)
            return
        self._picker.choose(name)
        if self.document.now.model != name:
            self.document.now = replace(self.document.now, model=name)
        self._describing = self._worker.submit(DescribeRequest(name), lane="explore:model")
        self._document_changed()
        self._renderer.rest(self.document.now)

    def _engine_said(self, ticket: int, update: Update) -> None:
        if ticket != self._describing:
            return
        if isinstance(update, Done) and isinstance(update.result, ModelFacts):
            self.facts = update.result
            self.tools.show_model(update.result)
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

    # What a hand does

    def roll(self) -> None:
        """Another seed, by chance."""
        seed = random.randrange(ROLL_BELOW)
        self._go(self.document.now.at_seed(seed), self.tr("Roll the dice"))

    def _move(self, key: str, title: str, **values: Any) -> None:
        # A hand is moving something: previews until `_settle`.
        self._gesture()
        self.document.change(key, title, **values)
        self._renderer.follow(self.document.now)

    def _move_along(self, name: str, sigmas: float) -> None:
        self._gesture()
        self.document.become(f"direction:{name}", self._title_of(name), self.document.now.along(name, sigmas))
        self._renderer.follow(self.document.now)

    def _title_of(self, name: str) -> str:
        row = self.tools.row(name)
        return row.label_text if row else name

    def _settle(self) -> None:
        self.document.seal()
        self._renderer.finish()

    def _go(self, variation: Variation, title: str) -> None:
        self._gesture()
        self.document.seal()
        self.document.become(title, title, variation)
        self.document.seal()

    def _mix_with(self, seed: int | None) -> None:
        now = self.document.now
        if seed is None:
            self._go(replace(now, mix_seed=None, mix_layers=()), self.tr("No style mixing"))
            return
        seed = random.randrange(ROLL_BELOW) if seed < 0 else seed
        layers = now.mix_layers or (self._fine_layers() if now.mix_seed is None else ())
        self._go(replace(now, mix_seed=seed, mix_layers=layers), self.tr("Style mixing"))

    def _mix_layers(self, layers: tuple[int, ...]) -> None:
        seed = self.document.now.mix_seed
        seed = random.randrange(ROLL_BELOW) if seed is None else seed
        self._move("mixing", self.tr("Style mixing"), mix_seed=seed, mix_layers=layers)

    def _fine_layers(self) -> tuple[int, ...]:
        """Where a second seed starts: the finer half, so that something is seen and the subject stays."""
        count = self.facts.num_ws if self.facts else 0
        return tuple(range(count // 2, count))

    def _roll_noise(self) -> None:
        drawn = replace(self.document.now, noise="random", noise_seed=random.randrange(ROLL_BELOW))
        self._go(drawn, self.tr("Draw noise"))

    def _sheet_chosen(self, key: str) -> None:
        variation = self._places.variation(key)
        self._go(replace(self.document.now, x=variation.x, y=variation.y), self.tr("Seed"))

    def _go_back_to(self, key: str) -> None:
        variation = self._places.variation(key)
        if variation.model in self._entries:
            self._go(variation, self.tr("Go back"))
        else:
            self.noticed.emit(Notice(self.tr("The model of this picture is no longer here."), bad=True))

    def _gesture(self) -> None:
        if self.view.hint:
            self.view.hint = ""
            self.view.update()
            self._settings.set("explore.hint_seen", True)

    def _toggle_alone(self) -> None:
        alone = self.tools.isHidden()
        for part in (self.sheet, self.tools, self.strip):
            part.setVisible(alone)

    # What is shown

    def _document_changed(self) -> None:
        """The document is another: show it, and see that its picture comes."""
        now = self.document.now
        if now.model and now.model != self._picker.name() and now.model in self._entries:
            self._describe(now.model)
            return
        self.tools.show_variation(now)
        self.bar.pin.setChecked(self.document.pinned == now)
        self.bar.star.setChecked(now in self.document.favourites)
        self.bar.star.setIcon(theme.icon("star-filled" if now in self.document.favourites else "star"))
        pinned = self.document.pinned
        self.view.set_pinned((self._renderer.full(pinned) or self._thumbnails.get(pinned)) if pinned else None)
        self._places.show()
        if now.model:
            self._renderer.follow(now)

    def _show(self, variation: Variation, image: QImage, frame: Frame | None) -> None:
        final = frame is None or frame.final
        self._shown_image = image
        self.view.preview_of = 0 if frame is None or frame.final else frame.resolution
        self.view.show_image(image)
        self._show_zoom()
        if frame is not None:
            self.timed.emit(frame.milliseconds, f"{frame.resolution} px")
        if not final:
            return
        self.shown = variation
        self.exportable.emit(True)
        if self._troubled:
            self._troubled = False
            self.noticed.emit(None)
        if variation == self.document.now:
            self.document.settle()
            self._thumbnails.keep(variation, image)
            if self.document.pinned == variation:
                self.view.set_pinned(image)
            self._places.show()
            if self._save_when_full is not None:
                path, self._save_when_full = self._save_when_full, None
                self.save(path)

    def _failed(self, failure: Failure) -> None:
        self._save_when_full, self._troubled = None, True
        self.view.placeholder = failure.what
        self.view.update()
        self.noticed.emit(
            Notice(
                failure.what,
                failure.why,
                failure.hint,
                self.tr("Try again"),
                lambda: self._renderer.rest(self.document.now),
                True,
            )
        )

    def _show_zoom(self) -> None:
        """Of the full picture's pixels, also while a preview stands in for it."""
        view = self.view
        full = max(self.facts.resolution if self.facts else 0, view.image.width())
        self.bar.zoom.setText(f"{view.scale * view.image.width() / full * 100:.0f} %" if view.has_picture() else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = self.width()
        columns, sheet, tools = (1, 112, 288) if width < NARROW else (3, 300, 360) if width >= WIDE else (2, 200, 320)
        self.sheet.set_columns(columns)
        self.sheet.setFixedWidth(sheet)
        self.tools.setFixedWidth(tools)
        super().resizeEvent(event)

    # In and out

    def copy(self) -> None:
        """The picture at hand to the clipboard."""
        if self._shown_image is not None:
            QGuiApplication.clipboard().setImage(self._shown_image)
            self.message.emit(self.tr("The picture is on the clipboard."))

    def _send(self) -> None:
        if self._shown_image is not None:
            self.send_to.emit("upscale", picture_of(self._shown_image))

    def export(self) -> None:
        now = self.document.now
        path = ask_where(self, self._settings, "explore.folder", f"{now.model}-{now.seed}.png")
        if path is not None:
            self.save(path)

    def save(self, path: Path) -> None:
        """Save the full picture with its recipe inside; where it is still being made, once it is there. `message` says so."""
        now = self.document.now
        image = self._renderer.full(now)
        if image is None:
            self._save_when_full = path
            self._renderer.rest(now)
            return
        card = self._entries[now.model].card if now.model in self._entries else None
        recipe = self.document.to_recipe(card.sha256 if card else "", card.title if card else "")

        picture = picture_of(image)
        self._files.run(
            lambda: files.write(path, picture, recipe),
            lambda _: self.message.emit(self.tr("Saved to {}").format(path)),
            self._not_saved,
        )

    def _not_saved(self, error: Exception) -> None:
        self.noticed.emit(
            Notice(self.tr("The picture could not be saved."), str(error), "", self.tr("Save elsewhere…"), self.export, True)
        )

    def open_file(self, path: Path) -> bool:
        """Restore a picture of Explore from the recipe inside it."""
        recipe = files.read_recipe(path)
        if recipe is None:
            return False
        try:
            variation, title = files.variation_of(recipe, self._entries.values())
        except RecipeError as error:
            self.noticed.emit(Notice(str(error), bad=True))
            return True
        if not variation.model:
            self.noticed.emit(
                Notice(
                    self.tr("{} was made with the model {}, which is not here.").format(path.name, title),
                    hint=self.tr("Add the model, then drop the picture again."),
                    button=self.tr("Open Models"),
                    action=self.get_models.emit,
                    bad=True,
                )
            )
            return True
        self._go(variation, self.tr("Open {}").format(path.name))
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
            last = QImage(str(files.last_picture()))
            if not last.isNull():
                self.view.show_image(last)  # what was seen last, until the engine has made it again
        self.catalogue_changed()

    def shut(self) -> None:
        if self._over:
            return
        self._over = True
        if self.is_full and self._shown_image is not None:
            files.last_picture().parent.mkdir(parents=True, exist_ok=True)
            self._shown_image.save(str(files.last_picture()), quality=90)
        self._places.shut()
        self._worker.updated.disconnect(self._engine_said)
        self._renderer.shut()
        self._thumbnails.shut()
        self._files.shut()
