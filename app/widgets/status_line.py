"""The line at the bottom: what computes, how long the last picture took, what is running, how much memory is in use."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from app import theme

REMARK_MS = 8000  # long enough to read a path


class StatusLine(QFrame):
    """Four places from left to right, and in the middle a remark that fades after some seconds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setFixedHeight(32)
        self.device = self._place("status:device", self.tr("What computes, and how exactly"))
        self.timing = self._place("status:timing", self.tr("How long the last picture took, and its size"))
        self.remark = self._place("status:remark", "")
        self.job = self._place("status:job", self.tr("What is running"))
        self.memory = self._place("status:memory", self.tr("Memory that Ganvas uses"))
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.remark.setProperty("tone", "")
        self._bar = QProgressBar(self)
        self._bar.setObjectName("status:progress")
        self._bar.setFixedWidth(96)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._jobs: dict[str, tuple[int, int, str]] = {}
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(lambda: self.remark.setText(""))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(20)
        row.addWidget(self.device)
        row.addWidget(self.timing)
        row.addWidget(self.remark, 1)
        row.addWidget(self._bar, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.job)
        row.addWidget(self.memory)

    def _place(self, name: str, tip: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setToolTip(tip)
        label.setFont(theme.remark_font())
        label.setProperty("tone", "dim")
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def say(self, text: str) -> None:
        """A remark for some seconds ("Saved to …")."""
        self.remark.setText(text)
        self.remark.setToolTip(text)
        self._clock.start(REMARK_MS)

    def show_timing(self, milliseconds: float, detail: str) -> None:
        """How long the last picture took, and what it was."""
        self.timing.setText(" · ".join(filter(None, (f"{milliseconds:,.0f} ms", detail))))

    def show_job(self, name: str, done: int, total: int, text: str) -> None:
        """A running job of this name; `total` 0 ends it. The newest one is shown."""
        self._jobs.pop(name, None)
        if total > 0:
            self._jobs[name] = (done, total, text)
        if not self._jobs:
            self._bar.hide()
            self.job.setText("")
            return
        done, total, text = list(self._jobs.values())[-1]
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._bar.show()
        self.job.setText(text)

    def shut(self) -> None:
        """The window closes."""
        self._clock.stop()
