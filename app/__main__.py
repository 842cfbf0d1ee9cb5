"""`ganvas`: without a sub-command the window opens; a sub-command runs without Qt. Only what is asked for is imported."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from app import log
from app.cli.options import (
    EXIT_CODES,
    INTERRUPTED,
    NOTHING_DONE,
    USAGE,
    Parser,
    UsageError,
    add_common,
    complete,
    window_parser,
)
from app.stopping import stoppable

# A sub-command is a module of app.cli with HELP (one line), EXAMPLES (text), configure(parser) and run(args) -> exit code.
COMMANDS: tuple[str, ...] = (
    "generate",
    "project",
    "morph",
    "paint",
    "label",
    "upscale",
    "transform",
    "models",
    "train",
    "measure",
    "tour",
    "doctor",
)
WITHOUT_DISPLAY = "tour"

logger = logging.getLogger("app")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `ganvas` with these arguments (default: the process's) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    log.start()
    take_any_name()
    try:
        return _run(arguments)
    except SystemExit as stop:  # argparse: --help, --version and errors of usage.
        return stop.code if isinstance(stop.code, int) else USAGE
    except KeyboardInterrupt:
        _say("interrupted.")
        return INTERRUPTED
    except UsageError as error:
        _say(str(error))
        return USAGE
    except BrokenPipeError:  # `ganvas models list | head`: nobody reads on, so there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOTHING_DONE
    except Exception as error:
        logger.exception("ganvas %s", " ".join(arguments))
        _say(_sentence(error))
        return NOTHING_DONE


def open_streams() -> None:
    """A program may be started with its streams closed (`>&-`, a service, Windows without a console): what it says then goes
    nowhere, and nothing is read, but it does its work."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives


def take_any_name() -> None:
    """File names may hold what the streams cannot (bytes that are no text on POSIX, other alphabets in a pipe of Windows): they
    go through as they are, or are spelled out, and never end a job."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            plain = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if plain or stream is sys.stdin else "backslashreplace")


def _say(sentence: str) -> None:
    sys.stderr.write(f"ganvas: {sentence}\n")


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in COMMANDS:
        return _command(arguments[0], arguments[1:])
    parser = window_parser(_list_of_commands() if {"-h", "--help"} & set(arguments) else "")
    files = parser.parse_args(arguments).files
    misplaced = next((name for name in files if name in COMMANDS and not os.path.exists(name)), None)
    if misplaced is not None:
        raise UsageError(f"the command comes first: ganvas {misplaced} ...")
    reason = no_display(os.environ, sys.platform)
    if reason:
        _say(reason)
        return NOTHING_DONE
    window = importlib.import_module("app.window")
    code: int = window.main(arguments)
    return code


def _command(name: str, arguments: list[str]) -> int:
    module = _module(name)
    examples = f"examples:\n{module.EXAMPLES.rstrip()}\n\n" if module.EXAMPLES else ""
    parser = Parser(
        prog=f"ganvas {name}", description=f"{module.HELP[:1].upper()}{module.HELP[1:]}.", epilog=examples + EXIT_CODES
    )
    add_common(parser)
    module.configure(parser)
    args = complete(parser.parse_args(arguments))
    with stoppable():
        code: int = module.run(args)
    return code


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"app.cli.{name}")


def _list_of_commands() -> str:
    lines = [f"  {name:<10} {_module(name).HELP}" for name in COMMANDS]
    return "\n".join(["commands:", *lines])


def no_display(environ: Mapping[str, str], platform: str) -> str:
    """Why no window can be opened here: one sentence for a person; empty where one can.

    Only a Linux (or BSD) session says it ahead; QT_QPA_PLATFORM chooses a platform of Qt by hand, which may need no display.
    """
    if platform in ("win32", "darwin") or any(environ.get(k) for k in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        return ""
    others = [name for name in COMMANDS if name != WITHOUT_DISPLAY]
    tour = f": `ganvas {WITHOUT_DISPLAY}` shows what Ganvas can do all the same" if WITHOUT_DISPLAY in COMMANDS else ""
    rest = f", and {', '.join(others)} need none either" if others and tour else ""
    return f"there is no display here, so the window cannot open{tour}{rest}."


def _sentence(error: Exception) -> str:
    from models.errors import ModelError

    if isinstance(error, ModelError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
    return f"something went wrong that should not ({type(error).__name__}: {error}). The details are in {log.log_file()}."


if __name__ == "__main__":
    sys.exit(main())
