"""Generative adversarial networks as one opens and uses them: `models.open(path_or_name)`.

    import models

    faces = models.open("faces")
    ws = faces.map(z, psi=0.7)
    image = faces.synthesize(ws)

Importing this package imports no torch; opening a model does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.opening import Model


def open(model: str | Path, device: str | None = None, precision: str | None = None, **answers: str) -> Model:
    """Open a model of the catalogue by its name, or any model file by its path. Nothing is written, nothing in it is run.

    What `ganvas train --export` wrote is a folder, and opened by its path too.
    A string is looked up in the catalogue first and is a path otherwise; a `Path` is always a path. A file in an archive is
    `archive.zip/folder/file.pth`. `device` is "cpu", "cuda" or "mps", `precision` "float32", "bfloat16" or "float16"; left
    out, the fastest that is right is chosen. `answers` tell what a file cannot (`num_upsampling_layers="more"`).

    Returns a LatentModel, PaintingModel, UpscalingModel, TranslationModel or LabellingModel. `CheckpointError` where the file
    is no model that can be opened, `NeedsAnswer` (one of them) where an answer is missing, `BadInput` where no model
    has the name, or device or precision is not to be had.
    """
    from models.opening import open_model

    return open_model(model, device, precision, answers)
