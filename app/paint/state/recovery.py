"""Nothing painted is lost: the drawing is written aside while it is worked on, and found again after whatever happened.

One file for each running program (`recovery/paint-N.ganvas` in the state folder), written beside and renamed. A program that
ends by itself marks its file as closed; a file without the mark tells the next start that the last one was killed. Which project
the drawing belongs to stands in it too: kept elsewhere, it would be that of another drawing after a sudden end.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from app.paint.state.drawing import Drawing
from app.paint.state.files import PaintFileError
from app.paint.state.project import project_bytes, read_project
from app.photos import placing
from models.folders import state_folder

logger = logging.getLogger(__name__)

# Speed counts here, not size: the hand may be painting on.
EFFORT = 1


@dataclass(frozen=True, eq=False)
class Recovered:
    """A drawing that was written aside; `interrupted` where the program did not end by itself."""

    drawing: Drawing
    interrupted: bool


class Recovery:
    """The recovery file of this program. `slot` tells apart programs that run at the same time."""

    def __init__(self, slot: int = 1, folder: Path | None = None) -> None:
        self.folder = folder or state_folder() / "recovery"
        self.file = self.folder / f"paint-{slot}.ganvas"
        self._mark = self.folder / f"paint-{slot}.closed"
        self.problem: tuple[str, Path] | None = None  # why the file could not be read, and what it is called now

    def write(self, drawing: Drawing) -> str:
        """Write the drawing aside. Where the disk refuses, painting goes on: why it did, "" where it did not."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            placing.write(self.file, [project_bytes(drawing, effort=EFFORT, aside=True)])
        except OSError as error:
            logger.info("The drawing could not be written aside to %s: %s", self.file, error)
            return f"{error.strerror or error}."
        return ""

    def opened(self) -> None:
        """From now on, a sudden end is one."""
        with contextlib.suppress(OSError):
            self._mark.unlink()

    def closed(self) -> None:
        """The program ends by itself."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._mark.touch()

    def read(self) -> Recovered | None:
        """What was written aside last, or None. A file that cannot be read is set aside for a person to look at."""
        try:
            drawing = read_project(self.file, aside=True)
        except FileNotFoundError:
            return None
        except (OSError, PaintFileError) as error:
            logger.warning("The drawing written aside in %s cannot be read: %s", self.file, error)
            aside = self.file.with_suffix(".broken")
            with contextlib.suppress(OSError):
                self.file.replace(aside)
            self.problem = (error.what if isinstance(error, PaintFileError) else f"{error.strerror or error}."), aside
            return None
        return Recovered(drawing, interrupted=not self._mark.exists())
