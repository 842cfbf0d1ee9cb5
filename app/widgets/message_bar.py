"""The quiet bar that says what happened, why, and offers what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.widgets.panel import Notice


class MessageBar(QFrame):
    """Shows one `Notice` at a time and takes no room while there is none. Never modal, never timed: a person closes it.

    Several that come at once (a start has more than one thing to tell) are all to be read, and so is what `lasts`: the last is
    shown, and closing it brings the one before.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.notice: Notice | None = None
        self._unread: list[Notice] = []
        self._at_once = QTimer(self)  # runs until the window has had time to show what came
        self._at_once.setSingleShot(True)
        self._icon = theme.Drawing("info", 20)
        self._text = QLabel(self)
        self._text.setObjectName("notice:text")
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._button = QPushButton(self)
        self._button.setObjectName("notice:button")
        self._button.clicked.connect(lambda: self._act(self.notice.action if self.notice else None))
        self._choices = QHBoxLayout()
        self._choices.setSpacing(8)
        self._close = QToolButton(self)
        self._close.setIcon(theme.icon("close"))
        self._close.setIconSize(QSize(16, 16))
        self._close.setToolTip(self.tr("Close"))
        self._close.setAccessibleName(self.tr("Close this message"))
        self._close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(12)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        row.addLayout(self._choices)
        row.addWidget(self._close)
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        """Show a notice in place of the one before; None clears the bar, but for what lasts and lies beneath."""
        before = self.notice
        if notice is None:
            self._unread = [one for one in self._unread if one.lasts]
            self.clear()
            return
        if before is not None and (before.lasts or self._at_once.isActive()) and _text_of(before) != _text_of(notice):
            self._unread.append(before)
        self._unread = [one for one in self._unread if _text_of(one) != _text_of(notice)]
        self._put(notice)

    def _put(self, notice: Notice | None) -> None:
        self.notice = notice
        if notice is None:
            self.hide()
            return
        self._at_once.start(0)
        self.setProperty("notice", "bad" if notice.bad else "news")
        self.style().unpolish(self)
        self.style().polish(self)
        self._icon.show_icon("warning" if notice.bad else "info", "bad" if notice.bad else "accent_text")
        text = _text_of(notice)
        self._text.setText(text)
        self.setAccessibleName(text)
        self._button.setText(notice.button)
        self._button.setVisible(bool(notice.button))
        self._show_choices(notice)
        self.show()

    def clear(self) -> None:
        """A person has read what is shown."""
        self._put(self._unread.pop() if self._unread else None)

    def _show_choices(self, notice: Notice) -> None:
        while (item := self._choices.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for text, action in notice.choices:
            button = QPushButton(text, self)
            button.setObjectName(f"notice:{text}")
            button.clicked.connect(lambda _=False, action=action: self._act(action))
            self._choices.addWidget(button)

    def _act(self, action: Callable[[], None] | None) -> None:
        self.clear()
        if action is not None:
            action()


def _text_of(notice: Notice) -> str:
    return " ".join(part for part in (notice.what, notice.why, notice.hint) if part)


@runtime_checkable
class Ends(Protocol):
    """Content that has something at work beside the window."""

    def shut(self) -> None:
        """End it: the window closes."""


class Page(QWidget):
    """A page of the window: its message bar above its content."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setObjectName("page")
        self.content, self.bar = content, MessageBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(content, 1)

    def shut(self) -> None:
        """The window closes."""
        if isinstance(self.content, Ends):
            self.content.shut()
