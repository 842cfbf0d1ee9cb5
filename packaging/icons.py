"""The application's icon in the sizes that systems ask for, drawn from resources/icons/ganvas.svg.

python packaging/icons.py FOLDER        PNG files for Linux, ganvas.ico for Windows, ganvas.icns for macOS
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from PIL import Image

SOURCE = Path(__file__).resolve().parent.parent / "resources" / "icons" / "ganvas.svg"
LINUX = (16, 22, 24, 32, 48, 64, 128, 256, 512)
WINDOWS = (16, 20, 24, 32, 40, 48, 64, 256)
MACOS = (16, 32, 64, 128, 256, 512, 1024)


def draw(size: int) -> Image.Image:
    """The icon as RGBA, `size` pixels square, drawn from its outlines (never scaled from another size)."""
    from PySide6.QtCore import QBuffer, QRectF
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(str(SOURCE))
    if not renderer.isValid():
        raise SystemExit(f"{SOURCE} is no SVG drawing that Qt can read.")
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter, QRectF(0, 0, size, size))
    buffer = QBuffer()
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGBA")


def make(folder: Path) -> None:
    """Write all icons into `folder`: ganvas-SIZE.png, ganvas.ico, ganvas.icns."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {size: draw(size) for size in sorted({*LINUX, *WINDOWS, *MACOS})}
    for size in LINUX:
        drawn[size].save(folder / f"ganvas-{size}.png", optimize=True)
    _save(folder / "ganvas.ico", [drawn[size] for size in WINDOWS], sizes=[(size, size) for size in WINDOWS])
    _save(folder / "ganvas.icns", [drawn[size] for size in MACOS])


def _save(path: Path, pictures: list[Image.Image], **options: object) -> None:
    *others, largest = pictures
    largest.save(path, append_images=others, **options)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    make(Path(sys.argv[1]))
