"""How much of a graphics card's memory Ganvas may use: chosen in the menu, where there is a card, and kept in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QActionGroup

from app.inference.requests import DeviceFacts, DeviceMemoryRequest
from app.inference.updates import Done, Failure, Update
from app.settings import Settings
from app.widgets.panel import Notice
from models import device
from models.allowance import ALL, GB, Allowance, parse

if TYPE_CHECKING:
    from app.inference.worker import InferenceWorker
    from app.menu import Menu

SETTING = "device.memory"
SHARES = (1.0, 0.75, 0.5, 0.25)
GIGABYTES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # what cards have, and whoever knows a program's needs thinks in


def kept(settings: Settings) -> Allowance:
    """What was chosen last time; all where nothing was, or somebody edited it into nothing that can be."""
    try:
        return parse(settings.get(SETTING, str(ALL)))
    except ValueError:
        return ALL


class GraphicsMemory(QObject):
    """Fills the menu's place for it as soon as the engine says that there is a card. `said(str)`: what was chosen, for the status
    line; `noticed(Notice)`: `asked`, the amount of the command line, means nothing here."""

    said = Signal(str)
    noticed = Signal(object)

    def __init__(self, worker: InferenceWorker, settings: Settings, menu: Menu, parent: QObject) -> None:
        super().__init__(parent)
        self._worker, self._settings, self._menu = worker, settings, menu.memory
        self._group = QActionGroup(self)
        self._now = ALL
        self._whole: int | None = None  # bytes of the card; None where another process knows them
        self._tip = self.tr("The rest is left to other programs. With less, large photos are enlarged in smaller pieces.")
        self._ticket = 0  # of the last choice
        self.asked: Allowance | None = None
        worker.updated.connect(self._engine_said)

    def _engine_said(self, ticket: int, update: Update) -> None:
        if ticket == self._ticket and isinstance(update, Failure):
            self.noticed.emit(Notice(update.what, update.why, update.hint, bad=True))
            self._fill()
        if not isinstance(update, Done) or not isinstance(update.result, DeviceFacts):
            return
        facts, asked = update.result, self.asked
        self.asked = None
        if any(map(device.has_own_memory, (facts.device, *facts.further.names))):
            self._whole = facts.memory if device.has_own_memory(facts.device) else None
            self._now = facts.further.memory or ALL
            self._fill()
            if ticket == self._ticket:
                self._settings.set(SETTING, str(self._now))
                self.said.emit(self.tr("Graphics memory that Ganvas may use: {0}").format(self._named(self._now)))
        elif asked is not None:
            self.noticed.emit(Notice(self.tr("--device-memory is about a graphics card, and Ganvas uses the processor here.")))

    def _fill(self) -> None:
        """Offer shares of a card, the gigabytes that it has, and what is in use."""
        self._menu.clear()
        now = self._now
        shares = [Allowance(share) for share in SHARES]
        sizes = [Allowance(bytes=size * GB) for size in GIGABYTES if self._whole is None or size * GB < self._whole]
        if now not in shares + sizes:
            (sizes if now.bytes is not None else shares).append(now)
        for offered in (shares, sizes):
            for allowance in offered:
                action = self._menu.addAction(self._named(allowance))
                action.setCheckable(True)
                action.setChecked(allowance == now)
                action.setToolTip(self._tip)
                action.triggered.connect(lambda _=False, allowance=allowance: self.choose(allowance))
                self._group.addAction(action)
            self._menu.addSeparator()
        self._menu.menuAction().setVisible(True)

    def _named(self, allowance: Allowance) -> str:
        """As a person reads it: "Half (12 GB)", "4 GB"."""
        names = {
            1.0: self.tr("All of it"),
            0.75: self.tr("Three quarters"),
            0.5: self.tr("Half"),
            0.25: self.tr("A quarter"),
        }
        size = ""
        if allowance.bytes is not None or self._whole is not None:
            size = f"{allowance.of(self._whole or allowance.bytes or 0) / GB:.3g} GB"
        if allowance.bytes is not None:
            return size
        share = names.get(allowance.share, str(allowance))
        return f"{share} ({size})" if size else share

    def choose(self, allowance: Allowance) -> None:
        """Use so much from now on, and at the next start."""
        self._ticket = self._worker.submit(DeviceMemoryRequest(allowance))
