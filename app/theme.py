"""The look of the window: one palette of named roles for light and one for dark, the interface font, icons.

Everything that is painted takes its colours from `roles()`; the style sheet in `resources/style.qss` names the same roles as
`@role`. The theme follows the system unless a person chose one.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QIcon, QIconEngine, QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")

# Where the system's font resolves to one of these, it has no interface font of its own: they are fontconfig's last resort.
LAST_RESORTS = {"", "dejavu sans", "bitstream vera sans", "liberation sans", "freesans", "nimbus sans", "sans serif"}


@dataclass(frozen=True)
class Roles:
    """Colours by what they are for. Texts hold 4.5:1 against every ground that they stand on (a test measures it)."""

    window: str  # behind everything: rail, status line, gaps
    surface: str  # tools, sheets, strips
    raised: str  # buttons, cards
    field: str  # where something is typed
    canvas: str  # behind pictures: neutral, so that colours are judged rightly
    line: str  # hairlines between areas
    border: str  # outlines of controls
    hover: str
    pressed: str
    text: str
    dim: str  # remarks, units
    accent: str  # what is chosen, what is filled
    accent_hover: str
    on_accent: str
    accent_soft: str  # the ground of what is chosen
    accent_text: str  # accent as a text on window, surface and accent_soft
    bad: str
    bad_soft: str
    warn: str
    warn_soft: str


DARK = Roles(
    window="#17181a", surface="#1f2023", raised="#2b2d31", field="#141517", canvas="#2a2a2a", line="#2c2e32",
    border="#43464d", hover="#34363b", pressed="#3d4046", text="#eceded", dim="#a7abb3", accent="#45bfae",
    accent_hover="#5ccfbf", on_accent="#05211d", accent_soft="#1d3a37", accent_text="#6cd6c7",
    bad="#ff9089", bad_soft="#3a2323", warn="#f0b860", warn_soft="#372d1b",
)  # fmt: skip

LIGHT = Roles(
    window="#e9eaeb", surface="#f6f6f7", raised="#ffffff", field="#ffffff", canvas="#c8c8c8", line="#d9dadc",
    border="#b3b6bb", hover="#ececee", pressed="#dfe0e3", text="#1b1d20", dim="#555a62", accent="#0d7d70",
    accent_hover="#0a6b60", on_accent="#ffffff", accent_soft="#d3ebe7", accent_text="#0a6358",
    bad="#b3261e", bad_soft="#fbe4e2", warn="#7a4f00", warn_soft="#fbecd0",
)  # fmt: skip

_shown: Roles = LIGHT
_choice: Choice = "system"


def roles() -> Roles:
    """The roles of the theme that is shown."""
    return _shown


def colour(role: str) -> QColor:
    """A role of the theme that is shown, as a colour to paint with."""
    return QColor(getattr(_shown, role))


def chosen() -> Choice:
    return _choice


def choose(choice: Choice) -> None:
    """Show the light or the dark theme, or follow the system, from now on."""
    global _choice
    _choice = choice
    _apply()


def choice_of(text: str) -> Choice:
    """A choice that was kept as text; the system's where it is none."""
    return next((choice for choice in CHOICES if choice == text), "system")


def application() -> QApplication:
    """The one QApplication, named."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1] or ["ganvas"])
    app.setApplicationName("Ganvas")
    app.setDesktopFileName("ganvas")
    return app


def start(app: QApplication, choice: Choice = "system") -> None:
    """Dress the program: style, font and palette, and follow the system's changes. Called once before the first window."""
    app.setStyle("Fusion")
    app.setFont(interface_font())
    app.styleHints().colorSchemeChanged.connect(_follow)
    choose(choice)


def _follow() -> None:
    if _choice == "system":
        _apply()


def _apply() -> None:
    global _shown
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    dark = _choice == "dark" or (_choice == "system" and app.styleHints().colorScheme() == Qt.ColorScheme.Dark)
    _shown = DARK if dark else LIGHT
    app.setPalette(_palette(_shown))
    app.setStyleSheet(style_sheet(_shown))


def style_sheet(shown: Roles) -> str:
    """`resources/style.qss` with every `@role` replaced by its colour, and `@down`, `@check` by drawings in the same inks."""
    text = _sheet_source()
    values = {field.name: getattr(shown, field.name) for field in fields(shown)}
    for drawing in ("down", "check"):
        file = files("resources") / "icons" / "controls" / f"{drawing}-{'dark' if shown is DARK else 'light'}.svg"
        values[drawing] = Path(str(file)).as_posix()
    return re.sub(r"@([a-z_]+)", lambda match: values[match[1]], text)


@cache
def _sheet_source() -> str:
    return (files("resources") / "style.qss").read_text(encoding="utf-8")


def _palette(shown: Roles) -> QPalette:
    palette, role, group = QPalette(), QPalette.ColorRole, QPalette.ColorGroup
    for to, value in (
        (role.Window, shown.surface),
        (role.WindowText, shown.text),
        (role.Base, shown.field),
        (role.AlternateBase, shown.surface),
        (role.Text, shown.text),
        (role.PlaceholderText, shown.dim),
        (role.Button, shown.raised),
        (role.ButtonText, shown.text),
        (role.BrightText, shown.bad),
        (role.ToolTipBase, shown.raised),
        (role.ToolTipText, shown.text),
        (role.Highlight, shown.accent),
        (role.HighlightedText, shown.on_accent),
        (role.Accent, shown.accent),
        (role.Link, shown.accent_text),
        (role.LinkVisited, shown.accent_text),
        (role.Light, shown.hover),
        (role.Midlight, shown.line),
        (role.Mid, shown.border),
        (role.Dark, shown.border),
        (role.Shadow, shown.window),
    ):
        palette.setColor(to, QColor(value))
    for to in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, to, QColor(shown.dim))
    return palette


def interface_font() -> QFont:
    """The system's interface font; the one that comes along where the system has none of its own."""
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if QFontInfo(system).family().lower() not in LAST_RESORTS:
        return system
    families: list[str] = []
    for file in ("Inter-Regular.ttf", "Inter-SemiBold.ttf"):
        data = (files("resources") / "fonts" / file).read_bytes()
        number = QFontDatabase.addApplicationFontFromData(QByteArray(data))
        families += QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
    if not families:
        return system
    font = QFont(families[0])
    font.setPointSizeF(9.75)  # 13 px at the usual 96 dots an inch
    return font


def heading(points: float) -> QFont:
    """The interface font, larger than the text by `points`, semi-bold."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() + points)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def remark_font() -> QFont:
    """The interface font, one point smaller: units, remarks, captions."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() - 0.75)
    return font


class _InkEngine(QIconEngine):
    """Draws an icon of ours in the ink of the theme that is shown, at any size and scale."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name, self._role = name, role

    def clone(self) -> QIconEngine:
        return _InkEngine(self._name, self._role)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ink = "accent_text" if state == QIcon.State.On and self._role == "text" else self._role
        painter.save()
        if mode == QIcon.Mode.Disabled:
            ink = "dim"
            painter.setOpacity(0.6)
        draw_icon(painter, QRectF(rect), self._name, ink)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        return pixmap


def icon(name: str, role: str = "text") -> QIcon:
    """An icon of `resources/icons`, in the ink of `role`; where it is switched on, in the accent."""
    return QIcon(_InkEngine(name, role))


def give_icon(button: QAbstractButton, name: str, role: str = "text") -> None:
    """Put an icon before a button's text, with some air between them (Qt leaves 4 px)."""
    button.setIcon(icon(name, role))
    button.setIconSize(QSize(22, 16))


def app_icon() -> QIcon:
    """The program's own mark."""
    mark, found = QSvgRenderer(QByteArray((files("resources") / "icons" / "ganvas.svg").read_bytes())), QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            mark.render(painter, QRectF(0, 0, side, side))
        found.addPixmap(pixmap)
    return found


class Drawing(QWidget):
    """An icon of ours by itself, in the ink of a role; it follows the theme."""

    def __init__(self, name: str, side: int, role: str = "accent_text") -> None:
        super().__init__()
        self._name, self._role = name, role
        self.setFixedSize(side, side)

    def show_icon(self, name: str, role: str) -> None:
        """Another icon, another ink."""
        self._name, self._role = name, role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            draw_icon(painter, QRectF(self.rect()), self._name, self._role)


def draw_icon(painter: QPainter, rect: QRectF, name: str, role: str = "text") -> None:
    """Draw an icon into a rectangle, in the ink of a role."""
    side = min(rect.width(), rect.height())
    square = QRectF(0, 0, side, side)
    square.moveCenter(rect.center())
    _drawing(name, getattr(_shown, role)).render(painter, square)


@cache
def _drawing(name: str, ink: str) -> QSvgRenderer:
    text = (files("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(text.replace("currentColor", ink).encode()))
