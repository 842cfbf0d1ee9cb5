"""The window: a rail of pages, a header, the panels, a status line. It alone knows more than one panel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMainWindow, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from app import memory_use, theme
from app.bringing import Bringer
from app.collecting import Collector
from app.graphics_memory import GraphicsMemory, kept
from app.header import Header
from app.inference.requests import ModelFacts
from app.inference.updates import Done, Update
from app.inference.worker import InferenceWorker
from app.keeping import Keeper
from app.menu import Menu
from app.model_files import ModelFiles
from app.models_page.listing import PANEL_OF
from app.settings import Settings
from app.taskbar import Taskbar
from app.widgets.drop_veil import DropVeil
from app.widgets.message_bar import MessageBar, Page
from app.widgets.panel import Notice, Panel
from app.widgets.rail import Rail
from app.widgets.status_line import StatusLine
from models.catalogue import Catalogue

logger = logging.getLogger(__name__)

PANELS = ("explore", "paint", "upscale")
MODELS, HELP = "models", "help"
SIZE, SMALLEST = (1280, 800), (960, 600)
MEMORY_MS = 2000
DEVICES = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU"}


class MainWindow(QMainWindow):
    """Holds the panels, built on their first visit. `begin` is called after the first paint, and wakes everything up."""

    def __init__(self, worker: InferenceWorker, catalogue: Catalogue, settings: Settings) -> None:
        super().__init__()
        self.worker, self.catalogue, self.settings = worker, catalogue, settings
        self._pages: dict[str, Page] = {}
        self._keeper = Keeper(settings, lambda: self._panels() if self._begun else [], self._frame, self)
        self._names: dict[str, str] = {}
        self._here, self._begun = "", False
        self.asks_before_closing = True  # where something would be lost
        self._start = QTimer(self, singleShot=True, interval=0)  # one that stays, as in app/inference/worker.py
        self._start.timeout.connect(self.begin)
        self._taskbar = Taskbar(self)
        self._then: list[Path] = []
        self.setWindowIcon(theme.app_icon())
        self.setMinimumSize(*SMALLEST)
        self.resize(*SIZE)
        self.setAcceptDrops(True)
        self._bringer = Bringer(self._offered, lambda: self._here, self)
        self._bringer.noticed.connect(self._notice_here)
        self.model_files = ModelFiles(worker, self)
        self._bringer.model.connect(self.model_files.inspect)
        self.model_files.noticed.connect(self._notice_here)
        self.model_files.progressed.connect(lambda done, total, text: self.status.show_job(MODELS, done, total, text))
        self.model_files.changed.connect(self._catalogue_changed)
        self.model_files.added.connect(self._models_added)
        self._build()
        self._keys()
        self.memory = GraphicsMemory(worker, settings, self.menu, self)
        self.memory.said.connect(self.status.say)
        self.memory.noticed.connect(self._notice_here)
        worker.updated.connect(self._engine_said)
        self._memory_clock = QTimer(self)
        self._memory_clock.setInterval(MEMORY_MS)
        self._memory_clock.timeout.connect(self._show_memory)
        self._restore_geometry()
        here = self._keeper.get("here")
        self.go_to(here if here in PANELS else PANELS[0])

    # Building

    def _build(self) -> None:
        self.rail = Rail()
        self.rail.add("explore", self.tr("Explore"), "explore", self.tr("Wander through what a model can make (Ctrl+1)"))
        self.rail.add("paint", self.tr("Paint"), "paint", self.tr("Paint a map, get a landscape (Ctrl+2)"))
        self.rail.add("upscale", self.tr("Upscale"), "upscale", self.tr("Enlarge photos (Ctrl+3)"))
        self.rail.add_gap()
        self.rail.add(MODELS, self.tr("Models"), "models", self.tr("The models at hand (Ctrl+4)"))
        self.rail.add(HELP, self.tr("Help"), "help", self.tr("First steps and keys (F1)"))
        self.rail.chosen.connect(self.go_to)
        self.header = Header()
        self.header.export.clicked.connect(lambda: self._with_panel(Panel.export))
        self.header.undo.clicked.connect(lambda: self._with_panel(Panel.undo))
        self.header.redo.clicked.connect(lambda: self._with_panel(Panel.redo))
        self.stack = QStackedWidget()
        self.status = StatusLine()
        right = QVBoxLayout()
        right.addWidget(self.header)
        right.addWidget(self.stack, 1)
        upper = QHBoxLayout()
        upper.addWidget(self.rail)
        upper.addLayout(right, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.addLayout(upper, 1)
        column.addWidget(self.status)
        for layout in (right, upper, column):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        self.setCentralWidget(whole)
        self.veil = DropVeil(whole)
        self.rail.installEventFilter(self)

    def _keys(self) -> None:
        """The menu behind ⋯, and keys that work wherever the focus is."""
        self.menu = Menu(self)
        for name, does in (
            ("open", self.open_dialog),
            ("save", lambda: self._with_panel(Panel.export)),
            ("add", self.add_model_dialog),
            ("undo", lambda: self._with_panel(Panel.undo)),
            ("redo", lambda: self._with_panel(Panel.redo)),
            ("full screen", self._full_screen),
            ("help", lambda: self.go_to(HELP)),
            ("quit", self.close),
        ):
            self.menu.on(name, does)
        self.menu.theme_chosen.connect(self._choose_theme)
        for number, name in enumerate((*PANELS, MODELS), 1):
            jump = QAction(self)
            jump.setShortcut(QKeySequence(f"Ctrl+{number}"))
            jump.triggered.connect(lambda _=False, name=name: self.go_to(name))
            self.addAction(jump)
        self.header.more.setMenu(self.menu)

    # Pages

    def go_to(self, name: str) -> None:
        """Show a page, building it on the first visit."""
        if name not in self._pages:
            page = Page(self._built(name))
            self._pages[name] = page
            self.stack.addWidget(page)
            panel = page.content
            if isinstance(panel, Panel) and self._begun:
                self._wake(panel)
        self._here = name
        self.rail.show_chosen(name)
        self.stack.setCurrentWidget(self._pages[name])
        front = self.panel(name)
        self.header.show_page(self.rail.entries[name].text(), front)
        self._show_history()
        self._show_name()
        if front is not None:
            front.setFocus()

    def panel(self, name: str) -> Panel | None:
        """A panel that was built already."""
        page = self._pages.get(name)
        return page.content if page is not None and isinstance(page.content, Panel) else None

    def _panels(self) -> list[Panel]:
        """All panels that were built."""
        return [page.content for page in self._pages.values() if isinstance(page.content, Panel)]

    @property
    def here(self) -> str:
        """The name of the page in front."""
        return self._here

    def bar(self, name: str) -> MessageBar:
        """The message bar of a page that was built already."""
        return self._pages[name].bar

    def _built(self, name: str) -> QWidget:
        """The modules of a panel are imported when it is first shown: the window paints sooner."""
        if name == HELP:
            from app.help_page import HelpPage

            return HelpPage()
        if name == MODELS:
            from app.models_page.page import ModelsPage

            models = ModelsPage(self.catalogue, self.model_files)
            models.add_file.connect(self.add_model_dialog)
            models.use.connect(self._use_model)
            return models
        panel = self._built_panel(name)
        panel.send_to.connect(self._pass_on)
        panel.message.connect(self.status.say)
        panel.noticed.connect(lambda notice: self._pages[name].bar.show_notice(notice))
        panel.timed.connect(self.status.show_timing)
        panel.progressed.connect(lambda done, total, text: self._progress(name, done, total, text))
        panel.add_model.connect(self.add_model_dialog)
        panel.get_models.connect(lambda: self.go_to(MODELS))
        panel.titled.connect(lambda title: self._titled(name, title))
        panel.exportable.connect(lambda can: self.header.set_exportable(name, can))
        panel.worth_keeping.connect(lambda: self._keeper.soon(name))
        panel.history.changed.append(self._show_history)
        return panel

    def _built_panel(self, name: str) -> Panel:
        if name == "explore":
            from app.explore.panel import ExplorePanel

            return ExplorePanel(self.worker, self.catalogue, self.settings)
        if name == "paint":
            from app.paint.panel import PaintPanel

            return PaintPanel(self.worker, self.catalogue, self.settings)
        from app.upscale.panel import UpscalePanel

        return UpscalePanel(self.worker, self.catalogue, self.settings)

    def _wake(self, panel: Panel) -> None:
        panel.restore(self._keeper.of_panel(panel.name))
        if panel.name == self._here:
            self.header.show_page(self.rail.entries[panel.name].text(), panel)

    def _with_panel(self, does: Callable[[Panel], object]) -> None:
        panel = self.panel(self._here)
        if panel is not None:
            does(panel)

    # First paint, and what comes after it

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self._begun:
            self.rail.removeEventFilter(self)
            self._start.start()
        return super().eventFilter(watched, event)

    def begin(self) -> None:
        """The window is on the screen: import torch in the worker, restore what was open, open the files that were given."""
        if self._begun:
            return
        self._begun = True
        logger.info("the window is on the screen")  # packaging/first_paint.py reads the time of this line
        self.worker.warm_up()
        self.status.device.setText(self.tr("Starting the engine…"))
        for panel in self._panels():
            self._wake(panel)
        self._show_memory()
        self._memory_clock.start()
        if self.settings.problem:
            self._notice_here(Notice(self.settings.problem, bad=True, lasts=True))
        files, self._then = self._then, []
        self.open_files(files)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.veil.hide()

    # Files

    def open_files(self, paths: Sequence[Path]) -> None:
        """Bring files to where they belong: pictures with a recipe, maps, photos, folders, models."""
        if not self._begun:
            self._then += paths
            return
        self._bringer.bring(paths)

    def _offered(self, name: str, path: Path) -> bool:
        """Whether a panel took the file; it then comes to the front."""
        if name not in PANELS:
            return False
        if name not in self._pages:
            here = self._here
            self.go_to(name)
            self.go_to(here)
        panel = self.panel(name)
        if panel is None or not panel.open_file(path):
            return False
        self.go_to(name)
        return True

    def open_dialog(self) -> None:
        """Ask for files."""
        files, _ = QFileDialog.getOpenFileNames(self, self.tr("Open"))
        self.open_files([Path(file) for file in files])

    def add_model_dialog(self) -> None:
        """Ask for a model file."""
        file, _ = QFileDialog.getOpenFileName(self, self.tr("Add a model file"))
        if file:
            self.model_files.inspect(Path(file))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self.veil.open()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.veil.hide()
        event.acceptProposedAction()
        self.open_files([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    # What panels and engine say

    def _pass_on(self, name: str, content: Any) -> None:
        self.go_to(name)
        panel = self.panel(name)
        if panel is not None:
            panel.receive(content)

    def _use_model(self, name: str, model: str) -> None:
        self.go_to(name)
        panel = self.panel(name)
        if panel is not None:
            panel.choose_model(model)

    def _notice_here(self, notice: Notice | None) -> None:
        self._pages[self._here].bar.show_notice(notice)

    def _engine_said(self, ticket: int, update: Update) -> None:
        if isinstance(update, Done) and isinstance(update.result, ModelFacts):
            facts = update.result
            self.status.device.setText(f"{DEVICES.get(facts.device.split(':')[0], facts.device)} · {facts.precision}")
        elif self.status.device.text() == self.tr("Starting the engine…") and isinstance(update, Done):
            self.status.device.setText(self.tr("Ready"))

    def _progress(self, name: str, done: int, total: int, text: str) -> None:
        share = done / total if total else None
        self.rail.entries[name].set_progress(share)
        self._taskbar.show_job(name, share)
        self.status.show_job(name, done, total, text)

    def _catalogue_changed(self) -> None:
        for panel in self._panels() if self._begun else ():
            panel.catalogue_changed()

    def _models_added(self, names: list[str]) -> None:
        """A model that was just added is wanted: offer to use it, in the panel that works with it."""
        entry = next((entry for entry in self.catalogue.entries() if entry.name in names), None)
        one = self.tr("{} is at hand.").format(entry.card.title if entry else ", ".join(names))
        text = one if len(names) == 1 else self.tr("{} models are at hand.").format(len(names))
        if entry is None:
            self._notice_here(Notice(text))
            return
        panel = PANEL_OF[entry.card.task]
        there = self.tr("Use it in {}").format(self.rail.entries[panel].text())
        button = self.tr("Use it") if panel == self._here else there
        self._notice_here(Notice(text, button=button, action=lambda: self._use_model(panel, entry.name)))

    def _titled(self, name: str, title: str) -> None:
        self._names[name] = title
        self._show_name()

    def _show_name(self) -> None:
        self._taskbar.show_name(self._names.get(self._here, ""))

    def _show_history(self) -> None:
        panel = self.panel(self._here)
        undo = panel.history.undo_title if panel else None
        redo = panel.history.redo_title if panel else None
        self.menu.show_history(undo, redo)
        self.header.show_history(undo, redo)

    def _show_memory(self) -> None:
        used = memory_use.used()
        self.status.memory.setText(f"{used / 1e9:.1f} GB" if used is not None else "")

    def _choose_theme(self, choice: theme.Choice) -> None:
        theme.choose(choice)
        self.settings.set("window.theme", choice)

    def _full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # The end

    def _restore_geometry(self) -> None:
        kept = self._keeper.get("geometry")
        if isinstance(kept, str):
            self.restoreGeometry(QByteArray.fromBase64(QByteArray(kept.encode())))

    def _frame(self) -> dict[str, Any]:
        """What the window itself keeps until the next start."""
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        return {"here": self._here if self._here in PANELS else PANELS[0], "geometry": geometry}

    def closeEvent(self, event: QCloseEvent) -> None:
        lost = [text for panel in self._panels() if (text := panel.closing())]
        if lost and self.asks_before_closing and not self._really(lost):
            event.ignore()
            return
        self._keeper.shut()
        self._memory_clock.stop()
        self.status.shut()
        for page in self._pages.values():
            page.shut()
        self._bringer.shut()
        self.worker.close()
        super().closeEvent(event)

    def _really(self, lost: list[str]) -> bool:
        box = QMessageBox(QMessageBox.Icon.Question, "Ganvas", self.tr("Close Ganvas?"), parent=self)
        box.setInformativeText(" ".join(lost))
        close = box.addButton(self.tr("Close"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Keep open"), QMessageBox.ButtonRole.RejectRole)
        box.exec()
        return box.clickedButton() is close or not self.asks_before_closing  # the session ended while it was asked

    def ask_nothing(self) -> None:
        """The session ends: close without a question. A job can be gone on with, drawings are kept aside."""
        self.asks_before_closing = False


def main(argv: Sequence[str]) -> int:
    """Open the window and run until it is closed. Files among the arguments are opened; a window that is open takes them."""
    from app.cli.options import window_arguments
    from app.inference.worker import engine_beside_a_window
    from app.interruption import Interruption
    from app.open_files import FrontDoor, bring_forward, hand_over

    files, common = window_arguments(list(argv))
    paths = [Path(file).absolute() for file in files]
    if hand_over(paths):
        return 0
    app = theme.application()
    door = FrontDoor()
    door.listen()  # before anything else: two files that are opened at once come into one window
    collector = Collector()
    settings, catalogue = Settings(), Catalogue()
    theme.start(app, theme.choice_of(settings.get("window.theme", "system")))
    memory = common.device_memory or kept(settings)
    engine = engine_beside_a_window(catalogue, common.device, common.precision, common.threads, memory)
    window = MainWindow(InferenceWorker(engine), catalogue, settings)
    window.memory.asked = common.device_memory
    door.arrived.connect(lambda arrived: bring_forward(window))
    door.arrived.connect(window.open_files)
    window.open_files(paths)
    window.show()
    Interruption(app, window.ask_nothing)
    code = app.exec()
    door.shut()
    collector.shut()
    return code
