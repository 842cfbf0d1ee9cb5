"""The menu of a drawing: new, open, save, maps, canvas, how the landscape is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.paint.state.starting import example_names
from models.card import Card


class DrawingMenu:
    """Fills `menu`. What each line does is in `does`, by name; keys work while `owner` or a child of it has the focus."""

    def __init__(
        self,
        menu: QMenu,
        owner: QWidget,
        does: dict[str, Callable[[], object]],
        example: Callable[[str], object],
        recent: Callable[[Path], object],
    ) -> None:
        self._menu, self._owner = menu, owner
        self._choose: Callable[[str], object] = lambda name: None
        tr = owner.tr
        self._line(tr("New drawing…"), "new", does, "Ctrl+N")
        self._line(tr("Open a drawing, map or photo…"), "open", does)
        self._line(tr("Map from a photo…"), "repaint", does)
        self._recent = menu.addMenu(tr("Open again"))
        self._recent.setObjectName("drawing:recent")
        self._recent.triggered.connect(lambda action: recent(Path(str(action.data()))))
        examples = menu.addMenu(tr("Examples"))
        examples.setObjectName("drawing:examples")
        for name in example_names():
            action = examples.addAction(name.replace("-", " ").capitalize())
            action.setObjectName(f"example:{name}")
            action.setData(name)
        examples.triggered.connect(lambda action: example(str(action.data())))
        menu.addSeparator()
        self._line(tr("Save the drawing"), "save", does, "Ctrl+Shift+S")
        self._line(tr("Save the drawing as…"), "save as", does)
        self._line(tr("Save the landscape…"), "export", does)
        self._line(tr("Copy the landscape"), "copy", does, "Ctrl+C")
        menu.addSeparator()
        self._line(tr("Open as a label map…"), "import map", does)
        maps = menu.addMenu(tr("Save the label map"))
        for name, text in (("map index", tr("With label numbers (PNG)…")), ("map colour", tr("With plain colours (PNG)…"))):
            maps.addAction(text, does[name]).setObjectName(f"drawing:{name}")
        self._line(tr("Save all layers (OpenRaster, Photoshop)…"), "layered", does)
        menu.addSeparator()
        self._line(tr("Size of the canvas…"), "size", does)
        self._line(tr("Other fine detail in the same look"), "grain", does)
        self.patterns = self._line(tr("Patterns on the labels"), "patterns", does)
        self.patterns.setCheckable(True)
        self._line(tr("Try the pen…"), "pen", does)
        menu.addSeparator()
        self._finish = menu.addMenu(tr("Finish the landscape with"))
        self._finish.setObjectName("drawing:finish")
        self._finish.triggered.connect(lambda action: self._choose(str(action.data())))
        self._line(tr("Send the landscape to Upscale"), "send", does)

    def _line(self, text: str, name: str, does: dict[str, Callable[[], object]], keys: str = "") -> QAction:
        action = self._menu.addAction(text, does[name])
        action.setObjectName(f"drawing:{name}")
        if keys:
            action.setShortcut(QKeySequence(keys))
            self._owner.addAction(action)
        return action

    def show_recent(self, paths: Sequence[Path]) -> None:
        """The drawings that were saved or opened last."""
        self._recent.clear()
        self._recent.menuAction().setVisible(bool(paths))
        for path in paths:
            action = self._recent.addAction(path.stem)
            action.setToolTip(str(path))
            action.setData(str(path))

    def show_upscalers(self, cards: Sequence[Card], chosen: str, choose: Callable[[str], object]) -> None:
        """The upscalers that may finish a landscape; `chosen` is a name, "auto" or "none"."""
        self._finish.clear()
        self._choose = choose
        group = QActionGroup(self._finish)
        tr = self._owner.tr
        lines = [("auto", tr("the quickest that fits")), *((card.name, f"{card.title} (x{card.scale})") for card in cards),
                 ("none", tr("nothing: enlarge it plainly"))]  # fmt: skip
        for name, text in lines:
            action = self._finish.addAction(text)
            action.setData(name)
            action.setCheckable(True)
            action.setChecked(name == chosen)
            group.addAction(action)
