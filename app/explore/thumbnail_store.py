"""What waits for the next start: the last picture, and thumbnails as one picture with a list of what they show."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QImageReader, QPainter

from app.explore.rendering import THUMBNAIL_SIDE
from app.explore.variation import RecipeError, Variation
from models.folders import state_folder, write_whole

ACROSS = 16
MOST = ACROSS * ACROSS  # 2,048 px square: a third of a megabyte
QUALITY = 85

Stamps = Callable[[str], str]  # what tells a model's file from another of the same name, "" where the model is not at hand

logger = logging.getLogger(__name__)


def last_picture() -> Path:
    """Where the picture at hand waits, so that the first paint shows it."""
    return state_folder() / "explore.jpg"


def keep(picture: QImage, thumbnails: Iterable[tuple[Variation, QImage]], stamp_of: Stamps) -> None:
    """Keep the last picture and the first `MOST` thumbnails. A disk that refuses costs the next start some seconds, no more."""
    try:
        state_folder().mkdir(parents=True, exist_ok=True)
        picture.save(str(last_picture()), quality=QUALITY)
        _keep_thumbnails(thumbnails, stamp_of)
    except OSError as error:
        logger.info("thumbnails were not kept: %s", error)


def _files() -> tuple[Path, Path]:
    return state_folder() / "explore-thumbnails.jpg", state_folder() / "explore-thumbnails.json"


def _keep_thumbnails(thumbnails: Iterable[tuple[Variation, QImage]], stamp_of: Stamps) -> None:
    kept = [(variation, image) for variation, image in thumbnails if stamp_of(variation.model)][:MOST]
    if not kept:
        return
    rows = -(-len(kept) // ACROSS)
    sheet = QImage(ACROSS * THUMBNAIL_SIDE, rows * THUMBNAIL_SIDE, QImage.Format.Format_RGB32)
    sheet.fill(0)
    with QPainter(sheet) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for number, (_, image) in enumerate(kept):
            painter.drawImage(_place(number), image)
    picture, words = _files()
    listed = [{"stamp": stamp_of(variation.model), **variation.to_dict()} for variation, _ in kept]
    words.unlink(missing_ok=True)  # the list must never speak of another picture
    if sheet.save(str(picture), quality=QUALITY):
        write_whole(words, json.dumps(listed).encode())


def kept(stamp_of: Stamps) -> Iterator[tuple[Variation, QImage]]:
    """What was kept, of models that are still the same; nothing where the files are missing or damaged."""
    picture, words = _files()
    try:
        listed = json.loads(words.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    size = QImageReader(str(picture)).size()
    if not isinstance(listed, list) or size.width() != ACROSS * THUMBNAIL_SIDE or size.height() > ACROSS * THUMBNAIL_SIDE:
        return
    sheet = QImage(str(picture))
    for number, entry in enumerate(listed[:MOST]):
        variation, place = _variation(entry), _place(number)
        if variation is None or place.bottom() >= sheet.height():
            continue
        stamp = stamp_of(variation.model)
        if stamp and entry.get("stamp") == stamp:
            yield variation, sheet.copy(place)


def _place(number: int) -> QRect:
    return QRect(number % ACROSS * THUMBNAIL_SIDE, number // ACROSS * THUMBNAIL_SIDE, THUMBNAIL_SIDE, THUMBNAIL_SIDE)


def _variation(entry: Any) -> Variation | None:
    try:
        return Variation.from_dict(entry)
    except RecipeError:
        return None
