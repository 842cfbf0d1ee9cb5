"""What every sub-command understands alike: device, precision, threads, JSON; and what an exit code means."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, NoReturn

from models.allowance import Allowance, parse

if TYPE_CHECKING:
    from app.inference.engine import Engine

OK, SOME_FAILED, USAGE, NOTHING_DONE, INTERRUPTED = 0, 1, 2, 3, 130
MOST_THREADS = 1024
EXIT_CODES = """exit codes:
  0  all is done
  1  some of it failed; the rest is done, and what failed is listed
  2  the command was not understood
  3  nothing could be done, and the reason is said
  130  interrupted by Ctrl-C, or asked to end by the system; what was finished before is kept"""


class UsageError(Exception):
    """The command cannot mean anything (exit code 2). The text is one sentence for a person."""


@dataclass(frozen=True)
class Common:
    """The common options as a value: `device` and `precision` None let Ganvas choose, `threads` None too; `device_memory` None
    is all that a graphics card has."""

    device: str | None = None
    precision: str | None = None
    threads: int | None = None
    device_memory: Allowance | None = None


def version() -> str:
    """Version of the installed distribution; of a checkout that was never installed, "not installed"."""
    try:
        return metadata.version("ganvas")
    except metadata.PackageNotFoundError:
        return "not installed"


def add_common(parser: argparse.ArgumentParser, json: bool = True) -> None:
    """Add the options that stand everywhere. `main` does it for a sub-command; a sub-command's own nested parsers
    (`models list`) call it again, so that the options may stand behind the last word: a value given once is kept."""
    group = parser.add_argument_group("everywhere")
    unset: Any = argparse.SUPPRESS
    group.add_argument(
        "--device",
        default=unset,
        metavar="NAME",
        help="cpu, cuda, mps; for upscale also several: cuda:0,cuda:1 (default: the fastest)",
    )
    group.add_argument(
        "--device-memory",
        default=unset,
        type=allowance,
        metavar="AMOUNT",
        help="memory of a graphics card to use at most: 4GB, 1500MB, 50%%, all (default: all)",
    )
    group.add_argument(
        "--precision",
        default=unset,
        choices=("float32", "float16", "bfloat16"),
        help="arithmetic (default: the fastest that keeps the picture right)",
    )
    group.add_argument("--threads", default=unset, type=thread_count, metavar="N", help="processor threads (default: all cores)")
    if json:
        group.add_argument("--json", default=unset, action="store_true", help="one JSON object a line, for programs")


def complete(args: argparse.Namespace) -> argparse.Namespace:
    """Fill in the common options that were not given (they have no defaults, so that nested parsers do not undo them)."""
    for name in ("device", "device_memory", "precision", "threads"):
        if not hasattr(args, name):
            setattr(args, name, None)
    if not hasattr(args, "json"):
        args.json = False
    return args


def common(args: argparse.Namespace) -> Common:
    """The common options of a completed namespace."""
    return Common(args.device, args.precision, args.threads, args.device_memory)


def engine(args: argparse.Namespace, several: bool = False) -> Engine:
    """The engine that this command line asks for. Where `several` devices are no use, `UsageError` where they are named."""
    from app.inference.devices import own_device
    from app.inference.engine import Engine

    if not several and args.device is not None and "," in args.device:
        raise UsageError("Several devices share the photos of a job (ganvas upscale, transform): name one here.")
    memory = card_memory(args)
    return Engine(device=own_device(args.device), precision=args.precision, threads=args.threads, device_memory=memory)


def card_memory(args: argparse.Namespace) -> Allowance | None:
    """What `--device-memory` leaves of a graphics card. `UsageError` where none is computed on: an option that does nothing is
    a mistake. torch is imported only where it was given."""
    memory: Allowance | None = args.device_memory
    if memory is not None:
        from models import device

        device.start(args.threads)
        named = args.device.split(",") if args.device else [device.chosen(None)]
        if not any(device.has_own_memory(name.strip()) for name in named):
            raise UsageError("--device-memory is about a graphics card, and this computes on the processor: leave it out.")
    return memory


def hold_card(args: argparse.Namespace) -> None:
    """Obey `--device-memory` in this process, for a sub-command that computes without an engine."""
    memory = card_memory(args)
    if memory is not None:
        from models import device

        device.allow(device.chosen(args.device), memory)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and where help is, instead of the whole usage; keeps examples as they are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message.removesuffix('.')}. See {self.prog} --help.\n")


def window_arguments(argv: list[str]) -> tuple[list[str], Common]:
    """What `ganvas` without a sub-command was given: files to open, and the common options. Ends the program (2) on others."""
    args = complete(window_parser().parse_args(argv))
    return list(args.files), common(args)


def window_parser(commands: str = "") -> Parser:
    """The parser of `ganvas` without a sub-command; `commands` is the list of sub-commands that `--help` shows."""
    parser = Parser(
        prog="ganvas",
        usage="ganvas [options] [FILE ...]\n       ganvas COMMAND [options]     (ganvas COMMAND --help tells more)",
        description="Make pictures with generative adversarial networks. Without a command the window opens.",
        epilog=f"{commands}\n\n{EXIT_CODES}" if commands else EXIT_CODES,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="photos, label maps, models or pictures made by Ganvas")
    parser.add_argument("--version", action="version", version=f"ganvas {version()}")
    add_common(parser, json=False)
    return parser


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def thread_count(text: str) -> int:
    """A number of threads, for argparse. The system's limit is met by a crash inside torch, so it is not asked for that many."""
    number = positive(text)
    if number > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text!r} threads are more than any processor has: say at most {MOST_THREADS:,}")
    return number


def allowance(text: str) -> Allowance:
    """An amount of memory, for argparse."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
