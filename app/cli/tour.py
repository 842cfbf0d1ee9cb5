"""`ganvas tour`: the real window, used by a hand, from a slider to saved pictures."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.options import OK, common
from app.cli.report import Reporter
from app.inference.updates import Failure

if TYPE_CHECKING:
    from models.catalogue import Catalogue

HELP = "see what Ganvas does: the window is driven by a hand, and its pictures are saved"
EXAMPLES = """\
  ganvas tour                  watch; pictures and screenshots go to ./tour
  ganvas tour --out ~/first    somewhere else
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("tour"), metavar="DIR", help="where the pictures go (default: tour)")
    parser.add_argument("--theme", choices=("system", "light", "dark"), default="system", help="colours of the window")


def run(args: argparse.Namespace) -> int:
    """Drive the window; exit code 0 when every picture was made. Without a display Qt draws into memory instead."""
    watched = _is_watched()
    if not watched:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from models.catalogue import Catalogue

    report = Reporter(args.json)
    folder = args.out.expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue()
    # The tour has settings, recovery files and a journal of its own: a person's last state stays as it was.
    with tempfile.TemporaryDirectory(prefix="ganvas-tour-", ignore_cleanup_errors=True) as home:
        os.environ["GANVAS_HOME"] = home
        return _tour(args, catalogue, folder, watched, report)


def _is_watched() -> bool:
    """Whether there is a display on which somebody may watch."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _tour(args: argparse.Namespace, catalogue: Catalogue, folder: Path, watched: bool, report: Reporter) -> int:
    from app import theme
    from app.cli.hand import GaveUp, Hand, rest
    from app.cli.touring import Guide
    from app.collecting import Collector
    from app.inference.worker import InferenceWorker, engine_beside_a_window
    from app.settings import Settings
    from app.window import MainWindow

    app = theme.application()
    collector = Collector()
    settings = Settings()
    theme.start(app, theme.choice_of(args.theme))
    asked = common(args)
    engine = engine_beside_a_window(catalogue, asked.device, asked.precision, asked.threads, asked.device_memory)
    window = MainWindow(InferenceWorker(engine), catalogue, settings)
    window.show()
    guide = Guide(window, Hand(12 if watched else 0), folder, lambda path: report.result(str(path), file=path))
    began = time.monotonic()
    try:
        guide.explore()
        guide.paint()
        guide.upscale()
        guide.models()
        report.note(f"The tour took {time.monotonic() - began:.0f} seconds; its pictures are in {folder}.", folder=folder)
        if watched:
            app.exec()
        return OK
    except GaveUp as reason:
        report.failed("tour", Failure("The tour ended early.", str(reason)))
        return report.finish()
    finally:
        if window.isVisible():  # else who watched has closed it
            window.asks_before_closing = False  # nobody may be there to answer
            window.close()
        rest(0)
        collector.shut()
