"""What every panel of the window is: a widget with a document, an undo stack and a few ways in and out.

A recipe inside a picture names its panel under "panel", so that a dropped picture finds its way back.
A panel subclasses `Panel`, sets `title` and `name`, and overrides what it can do. It is built as `SomePanel(worker, catalogue,
settings)` on its first visit. The window alone knows more than one panel: what goes from one to another passes through it
by `send_to`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.history import History


@dataclass(frozen=True)
class Notice:
    """Something a person should read, shown in the quiet bar above a panel until it is closed or replaced.

    `what` happened, `why`, `hint` what to do: one sentence each, the last two may be empty. `button`, where given, runs
    `action` and closes the bar; `choices` are further (button, action) pairs, for a question with several answers. `bad`
    marks a failure; otherwise it is news. What `lasts` is not replaced: it stays beneath what comes later until it is closed.
    """

    what: str
    why: str = ""
    hint: str = ""
    button: str = ""
    action: Callable[[], None] | None = None
    bad: bool = False
    choices: tuple[tuple[str, Callable[[], None]], ...] = ()
    lasts: bool = False


class Panel(QWidget):
    """A panel: `name` is its key ("explore", "paint", "upscale"), `title` what the rail and the header show.

    `history` is its undo stack. `picker`, where the panel sets one, is the widget that the window shows in the header while
    this panel is in front (as a rule a `ModelPicker`).

    Signals: `send_to(name of a panel, picture uint8 [H, W, 3] or a path)`; `message(text)` is a short remark for the status
    line ("Saved to …"); `noticed(Notice)` fills the bar above the panel; `noticed(None)` closes it; `timed(ms, detail)` says how
    long the last picture took ("1024 px"); `progressed(done, total, text)` shows a running job in the status line and on the
    rail, with total 0 when nothing runs; `add_model()` asks for "Add a model file…"; `get_models()` opens the Models page;
    `titled(name)` tells the name of the open document for the window's title ("" for none); `exportable(bool)` tells whether
    `export` has anything to save; `worth_keeping()` tells that `state` gives something else now that a sudden end of the program
    must not take away: the window writes it down soon.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    send_to = Signal(str, object)
    message = Signal(str)
    noticed = Signal(object)
    timed = Signal(float, str)
    progressed = Signal(int, int, str)
    add_model = Signal()
    get_models = Signal()
    titled = Signal(str)
    exportable = Signal(bool)
    worth_keeping = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(self.name)
        self.history = History()
        self.picker: QWidget | None = None

    def open_file(self, path: Path) -> bool:
        """Take a dropped or chosen file (a photo, a map, a picture with a recipe); False if this panel has no use for it."""
        return False

    def receive(self, content: Any) -> None:
        """Take what another panel sent: a picture uint8 `[H, W, 3]` or a path."""
        if isinstance(content, str | Path):
            self.open_file(Path(content))

    def restore(self, state: dict[str, Any]) -> None:
        """Put the panel back as `state` described it; unknown or broken entries are passed over.

        Called once after the panel was built and the window is on the screen, with `{}` where nothing was kept: the engine
        is asked for nothing before that.
        """

    def state(self) -> dict[str, Any]:
        """What to keep until the next start, of JSON's types alone."""
        return {}

    def undo(self) -> None:
        """Take the last step back."""
        self.history.undo()

    def redo(self) -> None:
        """Do the last undone step again."""
        self.history.redo()

    def export(self) -> None:
        """Save the result, asking where to."""

    def choose_model(self, name: str) -> None:
        """Work with this model of the catalogue from now on."""

    def catalogue_changed(self) -> None:
        """Models were added or removed: refill the picker."""

    def closing(self) -> str:
        """What would be lost if the window closed now, in one sentence that ends the question; "" for nothing."""
        return ""

    def shut(self) -> None:
        """The window closes: stop timers and pools. The worker is closed by the window afterwards."""
