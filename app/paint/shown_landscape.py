"""What the views show of the landscape: the last finished picture, and over it the quick one where the map has changed since."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.inference.requests import PaintRequest
from app.inference.updates import Picture
from app.paint.desk import Desk
from app.paint.state.patching import patch_alpha, same_but_map
from app.paint.state.requesting import QUICK_SIDE, thinned
from app.widgets.picture_view import image_of


class ShownLandscape:
    """Puts each picture that comes on the desk: whole, or as a patch over the finished one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._finished: PaintRequest | None = None

    def show(self, picture: Picture, request: PaintRequest, final: bool) -> None:
        """A picture came that `request` had asked for; `final` where there will be no better one of this drawing."""
        quick = request.deadline_ms is not None and not final
        if quick and self._finished is not None and same_but_map(request, self._finished):
            alpha = patch_alpha(thinned(self._finished.label_map, QUICK_SIDE), request.label_map)
            if alpha is not None:
                self._desk.patch_landscape(_translucent(picture, alpha))
                return
        self._desk.show_landscape(image_of(picture))
        self._finished = None if quick else request


def _translucent(picture: Picture, alpha: NDArray[np.uint8]) -> QImage:
    """A picture uint8 `[h, w, 3]` that is seen by `alpha` `[h, w]`; no image at all where none of it is."""
    if not alpha.any():
        return QImage()
    pixels = np.dstack([picture, alpha])
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], pixels.strides[0], QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
