"""The palette can be read, icons follow it, and every name in the style sheet is a role."""

import re
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QFontInfo, QIcon, QImage, QPainter
from PySide6.QtWidgets import QApplication

from app import theme

THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
ICONS = sorted(path.name for path in (files("resources") / "icons").iterdir() if path.name.endswith(".svg"))


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [getattr(QColor(colour), name)() for name in ("redF", "greenF", "blueF")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXTS_ON_GROUNDS = [
    *[(text, ground) for text in ("text", "dim") for ground in ("window", "surface", "raised", "field", "hover")],
    *[("text", ground) for ground in ("accent_soft", "bad_soft", "pressed", "canvas")],
    *[("accent_text", ground) for ground in ("window", "surface", "raised", "accent_soft", "hover")],
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("warn", "warn_soft"),
    *[("bad", ground) for ground in ("surface", "raised", "bad_soft", "window")],
]


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXTS_ON_GROUNDS)
def test_every_text_can_be_read_on_every_ground_it_stands_on(name: str, text: str, ground: str) -> None:
    roles = THEMES[name]
    assert contrast(getattr(roles, text), getattr(roles, ground)) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_outlines_and_the_focus_can_be_told_from_their_ground(name: str) -> None:
    roles = THEMES[name]
    assert contrast(roles.accent, roles.surface) >= 3
    assert contrast(roles.accent, roles.field) >= 3


@pytest.mark.parametrize("name", THEMES)
def test_pictures_sit_on_neutral_grey(name: str) -> None:
    ground = QColor(THEMES[name].canvas)
    assert ground.red() == ground.green() == ground.blue()


def test_every_name_in_the_style_sheet_is_a_role() -> None:
    source = (files("resources") / "style.qss").read_text(encoding="utf-8")
    known = {field.name for field in fields(theme.Roles)} | {"down", "check"}
    assert set(re.findall(r"@([a-z_]+)", source)) <= known
    assert not re.search(r"@[a-z]", theme.style_sheet(theme.DARK))


@pytest.mark.parametrize("name", THEMES)
def test_the_drawings_in_the_style_sheet_are_there(name: str) -> None:
    found = re.findall(r'url\("([^"]+)"\)', theme.style_sheet(THEMES[name]))
    assert len(found) == 2
    for file in found:
        assert Path(file).read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_plain_svg_of_our_own(name: str) -> None:
    text = (files("resources") / "icons" / name).read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    assert tree.get("viewBox")
    assert not re.search(r"href|<script|<image|url\((?!#)", text)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_an_icon_takes_the_ink_of_the_theme(qapp: QApplication, choice: theme.Choice) -> None:
    theme.start(qapp, choice)
    drawn = theme.icon("plus").pixmap(QSize(24, 24)).toImage()
    assert drawn.pixelColor(12, 12).name() == THEMES[choice].text
    theme.choose("light")
    assert theme.icon("plus").pixmap(QSize(24, 24), QIcon.Mode.Normal).toImage().pixelColor(12, 12).name() == theme.LIGHT.text


def test_icons_are_sharp_on_screens_of_any_density(qapp: QApplication) -> None:
    theme.start(qapp, "light")
    for ratio in (1.0, 2.0):
        pixmap = theme.icon("stop").pixmap(QSize(24, 24), ratio)
        assert pixmap.size() == QSize(24, 24) * ratio
        inside = pixmap.toImage().pixelColor(round(12 * ratio), round(12 * ratio))
        assert inside.alpha() == 255


def test_the_theme_follows_a_choice(qapp: QApplication) -> None:
    theme.start(qapp, "dark")
    assert theme.roles() is theme.DARK
    assert qapp.palette().window().color().name() == theme.DARK.surface
    theme.choose("light")
    assert theme.roles() is theme.LIGHT
    assert qapp.palette().window().color().name() == theme.LIGHT.surface
    assert theme.choice_of("nonsense") == "system"


def test_the_bundled_font_draws_letters(qapp: QApplication) -> None:
    assert (files("resources") / "fonts" / "Inter-LICENSE.txt").read_text(encoding="utf-8").count("SIL OPEN FONT LICENSE")
    font = theme.interface_font()
    assert QFontInfo(font).family().lower() not in theme.LAST_RESORTS
    picture = QImage(200, 40, QImage.Format.Format_Grayscale8)
    picture.fill(255)
    with QPainter(picture) as painter:
        painter.setFont(font)
        painter.drawText(QRectF(4, 4, 190, 32), "Ganvas ψ é")
    greys = {picture.pixelColor(x, y).red() for x in range(200) for y in range(40)}
    assert len(greys) > 20
