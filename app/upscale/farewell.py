"""The end of a job as a person notices it elsewhere: a notification with counts, and a machine that sleeps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QMessageBox, QSystemTrayIcon, QWidget

from app import theme
from app.open_files import TOKEN, bring_forward
from app.upscale import afterwards
from app.upscale.afterwards import Then
from app.upscale.desktop_message import CLICKED, MESSAGE_MS, Desktop
from app.widgets.background import Background
from app.widgets.panel import Notice


class Farewell(QObject):
    """See the module. `noticed(Notice)`: the machine could not do what was wished."""

    noticed = Signal(object)

    def __init__(
        self,
        window: QWidget,
        carry_out: Callable[[Then], str] = afterwards.carry_out,
        desktop: Desktop | None = None,
    ) -> None:
        super().__init__(window)
        self._window, self._carry_out = window, carry_out
        self._desktop = Desktop() if desktop is None and sys.platform == "linux" else desktop
        self.then: Then = "nothing"
        self.question: QMessageBox | None = None
        self._left = 0
        self._message = 0  # the desktop's number of the message that stands
        self._told = 0  # how often the desktop was asked to show one
        self._ear: QSocketNotifier | None = None
        self._asking = Background(self)  # a system takes its time to answer
        self._tray: QSystemTrayIcon | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._untray = QTimer(self)
        self._untray.setSingleShot(True)
        self._untray.setInterval(MESSAGE_MS)
        self._untray.timeout.connect(self._leave_tray)

    def tell(self, text: str) -> bool:
        """Say that a job has ended, where somebody at another program sees it; False where nobody is at another."""
        QApplication.alert(self._window.window())
        if QApplication.applicationState() == Qt.ApplicationState.ApplicationActive:
            return False

        desktop = self._desktop
        if desktop is None:
            self._show_in_tray(text)
            return True

        self._told += 1
        this = self._told

        def shown(number: int | None) -> None:
            if number is None:
                self._show_in_tray(text)
            else:
                self._message = number
            if this == self._told:  # otherwise the answer to a later one is waited for there
                self._listen()

        self._stop_listening()  # its answer is read there
        self._asking.run(lambda: desktop.show(text), shown)
        return True

    def _show_in_tray(self, text: str) -> None:
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        # Systems show messages of programs that have a place in their tray: ours has one as long as the message stands.
        if self._tray is None:
            self._tray = QSystemTrayIcon(theme.app_icon(), self)
            self._tray.messageClicked.connect(self._come_forward)
        self._tray.show()
        self._tray.showMessage("Ganvas", text, theme.app_icon(), MESSAGE_MS)
        self._untray.start()

    def _leave_tray(self) -> None:
        if self._tray is not None:
            self._tray.hide()

    def _come_forward(self) -> None:
        bring_forward(self._window.window())

    def _listen(self) -> None:
        """Hear from a Linux desktop when somebody clicks on a message."""
        self._hear()
        if self._desktop is not None and self._desktop.socket != -1:
            self._ear = QSocketNotifier(self._desktop.socket, QSocketNotifier.Type.Read, self)
            self._ear.activated.connect(self._hear)

    def _stop_listening(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.setEnabled(False)
            ear.deleteLater()

    def _hear(self) -> None:
        for heard in self._desktop.heard() if self._desktop is not None else ():
            if heard.message != self._message or heard.message == 0:
                continue
            if heard.kind == "ActivationToken":  # it precedes the click
                os.environ[TOKEN] = heard.word
            elif heard.word == CLICKED:
                self._message = 0
                self._come_forward()
        if self._desktop is not None and self._desktop.socket == -1:
            self._stop_listening()

    def leave(self) -> None:
        """Do what was wished for the end, unless a person says no within a minute. The wish is for one job."""
        if self.then == "nothing":
            return
        self._left = afterwards.SECONDS
        box = QMessageBox(QMessageBox.Icon.Information, "Ganvas", "", parent=self._window.window())
        box.setModal(False)
        stop = box.addButton(self.tr("Stop"), QMessageBox.ButtonRole.RejectRole)
        stop.setObjectName("farewell:stop")
        stop.clicked.connect(self.stop)
        now = box.addButton(self.tr("Now"), QMessageBox.ButtonRole.AcceptRole)
        now.setObjectName("farewell:now")
        now.clicked.connect(self._now)
        box.setDefaultButton(stop)
        self.question = box
        self._say()
        box.show()
        self._clock.start()

    def stop(self) -> None:
        """Nothing is done after all."""
        self._clock.stop()
        self.then = "nothing"
        if self.question is not None:
            self.question.close()
            self.question.deleteLater()
            self.question = None

    def _say(self) -> None:
        assert self.question is not None
        said = self.tr("The job is done. The machine goes to sleep in {0} s.")
        if self.then == "shut down":
            said = self.tr("The job is done. The machine shuts down in {0} s.")
        self.question.setText(said.format(self._left))

    def _tick(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._now()
        else:
            self._say()

    def _now(self) -> None:
        then = self.then
        self.stop()

        def told(refused: str) -> None:
            if refused:
                what = self.tr("The machine did not go to sleep.")
                if then == "shut down":
                    what = self.tr("The machine did not shut down.")
                self.noticed.emit(Notice(what, refused, bad=True))

        self._asking.run(lambda: self._carry_out(then), told)

    def shut(self) -> None:
        """The window closes."""
        self.stop()
        self._untray.stop()
        self._leave_tray()
        self._stop_listening()
        if self._desktop is not None:
            self._desktop.hang_up()  # a desktop that does not answer does not keep the window from closing
        self._asking.shut()
        if self._desktop is not None:
            self._desktop.close()
