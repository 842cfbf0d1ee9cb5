"""`ganvas upscale`: photos and folders of them, enlarged."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import looks
from app.cli.choosing import card_of
from app.cli.enlarging import Job, Where, planned_notes, work
from app.cli.options import NOTHING_DONE, UsageError, engine, positive
from app.cli.report import Reporter, ending_of
from app.inference.devices import devices_named
from app.inference.requests import DeviceRequest
from app.inference.updates import Failure
from app.photos.formats import writable
from app.photos.photo import PhotoError
from app.upscale import naming, results
from app.upscale.inputs import gather
from app.upscale.items import in_words
from app.upscale.journal import Entry, Journal, JournalError, key_of
from app.upscale.moving import notes_ahead
from app.upscale.pace import Paces, best_within, disk_size
from app.upscale.plan import BESIDE, Choices, Planned, Planner, expected_bytes
from app.upscale.sizes import TARGET_HELP, Target, TargetError, parse_target
from app.video.writing import CODECS, MAX_CRF

if TYPE_CHECKING:
    from app.inference.engine import Engine
    from models.card import Card, Task

HELP = "enlarge photos, videos and folders of them"
EXAMPLES = """\
  ganvas upscale beach.jpg --out big/
  ganvas upscale holiday/ --recursive --out big/ --scale 4 --format webp
  ganvas upscale holiday/ --recursive --out print/ --to 30x20cm@300 --format tiff
  ganvas upscale scans/ --out big/ --to 4096w --on-exists skip --resume
  find . -name '*.png' | ganvas upscale - --out big/ --model realesrgan-x4plus
  ganvas upscale portrait.tif --out big/ --protect face-mask.png --grain 1 --turns
  ganvas upscale film.mp4 --out big/ --scale 2 --codec h265 --crf 22
  ganvas upscale holiday/ --out big/ --dry-run        (names, sizes and what cannot be; nothing is written)"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument("--model", metavar="M", help="catalogue name or file (default: the best that is quick enough here)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--scale", type=_factor, metavar="N", help="how many times larger: 2, 3, 4, 2.5 (default: the model's own)")
    size.add_argument("--to", type=_target, metavar="SIZE", help=TARGET_HELP)
    looks.configure_network(parser)
    configure_files(parser, naming.DEFAULT_TEMPLATE)
    farm = parser.add_argument_group("on a Ray cluster that stands already (extra `ray`)")
    farm.add_argument("--ray", metavar="ADDRESS", help="compute on its workers: host:6379, ray://host:10001, auto")
    farm.add_argument("--ray-workers", type=positive, metavar="N", help="how many (default: one a GPU, or one a machine)")
    farm.add_argument("--ray-shared", type=Path, metavar="DIR", help="a folder that all see: photos travel through it")


def configure_files(parser: argparse.ArgumentParser, template: str) -> None:
    """Which photos, and how their results are written: alike for all that is done to photos."""
    parser.add_argument("named", nargs="+", metavar="FILE_OR_DIR", help="photos, folders, or - for names from standard input")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for the results (default: {BESIDE}/ beside each photo)")
    parser.add_argument("--recursive", action="store_true", help="sub-folders too; the results keep the tree")
    parser.add_argument("--format", type=_format, metavar="F", help="png, jpg, webp, avif or tiff (default: as the photo)")
    parser.add_argument("--quality", type=_quality, default=92, metavar="Q", help="of jpg, webp and avif, 1 to 100 (default: 92)")
    parser.add_argument("--codec", choices=CODECS, help="of videos (default: h264; h265 for 10 bits, vp9 in WebM)")
    parser.add_argument(
        "--crf", type=_crf, metavar="Q", help=f"of videos: 0 (finest) to {MAX_CRF} (default: as fine as the eye asks)"
    )
    parser.add_argument("--name", default=template, metavar="T", help=f"template for names (default: {template})")
    parser.add_argument(
        "--on-exists",
        choices=("skip", "rename", "overwrite"),
        default="rename",
        help="where a result's name is taken (default: rename)",
    )
    parser.add_argument(
        "--strength", type=_share, default=1.0, metavar="S", help="0 the plain resize, 1 the model alone (default: 1)"
    )
    looks.configure_finish(parser)
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--keep-metadata",
        dest="metadata",
        action="store_const",
        const="keep",
        default="keep",
        help="EXIF, XMP, IPTC (the default)",
    )
    kept.add_argument(
        "--no-place", dest="metadata", action="store_const", const="no-place", help="keep all but where a photo was taken"
    )
    kept.add_argument(
        "--strip-metadata", dest="metadata", action="store_const", const="strip", help="keep the colour profile only"
    )
    parser.add_argument("--keep-time", action="store_true", help="results get the photo's time of change")
    parser.add_argument(
        "--reduce", action="store_true", help="let 16 bits and transparency go where the format has none, instead of refusing"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the same command after it was stopped")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _factor(text: str) -> Target:
    return _target(f"x{text.lower().strip('x')}")


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except TargetError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _format(text: str) -> str:
    try:
        return writable(text).name
    except PhotoError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _quality(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100")
    return int(text)


def _crf(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_CRF:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {MAX_CRF}")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def run(args: argparse.Namespace, *tasks: Task) -> int:
    """Plan, check, enlarge; what failed is listed at the end. `tasks` are those of the models that may do it (none: all)."""
    try:
        naming.check_template(args.name)
    except naming.TemplateError as error:
        raise UsageError(str(error)) from error
    reporter = Reporter(args.json)
    machine = engine(args, several=True)
    named = list(_named(args.named))
    decided = _decided(args, machine, named, tasks, args.model, reporter)
    if decided is None:
        return reporter.finish()
    card, choices = decided
    if args.dry_run and not args.resume:
        return _dry_run(reporter, choices, list(_planned(named, choices, args.recursive)))
    where = _where(args)  # what cannot be meant is said before a job is noted
    try:
        with Journal() as journal, contextlib.ExitStack() as held:
            before = journal.find(_key(args, choices)) if args.resume and args.model is None else None
            if before is not None and before.choices.model != choices.model:
                decided = _decided(args, machine, named, tasks, before.choices.model, reporter)
                if decided is None:
                    return reporter.finish()
                card, choices = decided
            if args.dry_run:
                return _dry_run(reporter, choices, _left(args, journal, choices, named, reporter))

            def claim(job: int) -> None:
                held.enter_context(journal.claimed(job))

            number, entries = _noted(args, journal, choices, named, reporter, claim)
            return _work(Job(choices, card, entries, number), machine, where, journal, reporter)
    except JournalError as error:
        reporter.failed("upscale", Failure(str(error)))
        return NOTHING_DONE


def _decided(
    args: argparse.Namespace, machine: Engine, named: list[Path], tasks: tuple[Task, ...], model: str | None, reporter: Reporter
) -> tuple[Card, Choices] | None:
    """The card of `model` (None: the best that is quick enough) and all choices; None where there are none, which is said."""
    card = _card(machine, model, args.to or args.scale, named, tasks or ("upscaling", "translation"))
    if isinstance(card, Failure):
        reporter.failed(model or "upscale", card)
        return None
    choices = looks.with_looks(_choices(args, card), args, card, lambda name: _card(machine, name, None, named, ("upscaling",)))
    if isinstance(choices, Failure):
        reporter.failed("upscale", choices)
        return None
    return card, choices


def _key(args: argparse.Namespace, choices: Choices) -> str:
    """What makes two commands the same job. Where no model was named it is the same whichever was taken: another may be the best
    that is quick enough by now, as the first photo has gone or more was measured, and the job goes on with the one it began with.
    Names from standard input are a list in this folder, whatever is on it: the results so far may have come into it.
    """
    named = [Path(word) for word in args.named]
    if args.model is not None:
        return key_of(choices, named)
    target = args.to or args.scale or Target("factor", 0)  # 0: as much as the model makes
    return key_of(replace(choices, model="", scale=0, target=target), named)


def _where(args: argparse.Namespace) -> Where:
    ray = getattr(args, "ray", None)
    if ray is None:
        devices = devices_named(args.device)
        return Where(devices, precision=args.precision, threads=args.threads, memory=args.device_memory)
    for name, given in (("--device", args.device), ("--device-memory", args.device_memory)):
        if given is not None:
            raise UsageError(f"{name} is of this machine, --ray computes on others: leave one out.")
    if args.ray_shared is not None and not args.ray_shared.is_dir():
        raise UsageError(f"The folder {args.ray_shared} is not there.")
    return Where(ray=ray, workers=args.ray_workers, shared=args.ray_shared.absolute() if args.ray_shared else None)


def _named(words: list[str]) -> Iterator[Path]:
    for word in words:
        if word != "-":
            yield Path(word)
            continue
        for line in sys.stdin:
            if "\0" in line:
                raise UsageError("Names from standard input stand one on a line, without null characters (find without -print0).")
            if name := _meant(line.rstrip("\n")):
                yield Path(name)


def _meant(name: str) -> str:
    """A name of a list; "" for an empty line. A list that was written on Windows ends its lines by two characters and may begin
    with a mark: they belong to a name where something is called so, and nowhere else."""
    if not os.path.lexists(name):
        name = name.removeprefix("\ufeff").removesuffix("\r")
    return name if name.strip() else ""


def _choices(args: argparse.Namespace, card: Card) -> Choices:
    return Choices(
        model=card.name if args.model is None else args.model,
        scale=card.scale if card.task == "upscaling" else 1,
        target=args.to or args.scale or Target("factor", card.scale if card.task == "upscaling" else 1),
        into=args.out.absolute() if args.out else None,
        format=args.format,
        quality=args.quality,
        template=args.name,
        on_exists=args.on_exists,
        metadata=args.metadata,
        reduce=args.reduce,
        strength=args.strength,
        keep_time=args.keep_time,
        codec=args.codec,
        crf=args.crf,
        task="translation" if card.task == "translation" else "upscaling",
    )


# Choosing a model


def _card(machine: Engine, name: str | None, target: Target | None, named: list[Path], tasks: tuple[Task, ...]) -> Card | Failure:
    """The card of the model to use, or why there is none."""
    if name is None:
        return _default(machine, target, named)
    return card_of(machine, name, "enlarge photos" if "upscaling" in tasks else "transform photos", *tasks)


def _default(machine: Engine, target: Target | None, named: list[Path]) -> Card | Failure:
    ending = ending_of(machine.run(DeviceRequest()))
    if isinstance(ending, Failure):
        return ending
    from app.photos.decoding import probe

    size = (1920, 1080)
    for found in gather(named):
        try:
            facts = probe(found.path)
        except (PhotoError, OSError):
            continue
        size = (facts.width, facts.height)
        break
    entry = best_within(machine.catalogue.entries(), Paces(), ending.result.device, size)
    if entry is None:
        return Failure("There is no model that enlarges photos.", hint="`ganvas models get` fetches the recommended ones.")
    return entry.card


# Planning


def _planned(
    named: list[Path], choices: Choices, recursive: bool, taken: list[Path] | None = None, known: set[str] | None = None
) -> Iterator[Planned]:
    leave_out: list[Path | str] = [choices.into] if choices.into else [BESIDE]
    # The current folder is never left out: results may be wanted in it.
    leave_out = [folder for folder in leave_out if not isinstance(folder, Path) or folder not in [p.absolute() for p in named]]
    everything = list(gather(named, recursive, leave_out))
    planner = Planner(choices, (found.path for found in everything), taken or ())
    for found in everything:
        if known is None or naming.place(found.path) not in known:
            yield planner.plan(found)


def _dry_run(reporter: Reporter, choices: Choices, planned: list[Planned]) -> int:
    ready = []
    for one in planned:
        if one.state == "refused":
            reporter.failed(str(one.source), Failure(one.reason))
            continue
        try:
            notes = (*planned_notes(one, choices), *notes_ahead(one, choices))
        except (PhotoError, OSError) as error:
            reporter.failed(str(one.source), in_words(error))
            continue
        width, height = one.size
        size = f"{width}x{height}"
        state = " (there already: skipped)" if one.state == "skipped" else ""
        reporter.result(
            f"{one.source} -> {one.output}  {size}{state}",
            source=one.source,
            output=one.output,
            width=width,
            height=height,
            state=one.state,
            bytes=expected_bytes(one, choices.quality),
        )
        for said in notes:
            reporter.note(f"{one.source}: {said}", source=one.source)
        if one.state == "ready":
            ready.append(one)
    needed = sum(expected_bytes(one, choices.quality) for one in ready)
    photos = "1 photo" if len(ready) == 1 else f"{len(ready):,} photos"
    reporter.note(f"{photos}, about {disk_size(needed)}." if ready else "No photos.", photos=len(ready), bytes=needed)
    return reporter.finish()


def _noted(
    args: argparse.Namespace,
    journal: Journal,
    choices: Choices,
    named: list[Path],
    reporter: Reporter,
    claim: Callable[[int], None],
) -> tuple[int, list[Entry]]:
    """The job in the journal, with its photos: the one that was stopped, where `--resume` finds it, or a new one. It is claimed
    before anything of it is changed: another command may have found it in the same moment."""
    key = _key(args, choices)
    old = journal.find(key) if args.resume else None
    if old is None:
        if args.resume:
            reporter.note("There is no such job to go on with: it begins anew.")
        number = journal.begin(choices, _planned(named, choices, args.recursive), key)
        claim(number)
        entries = list(journal.entries(number))
        if not entries:
            reporter.note("There are no photos in what was named.")
        return number, entries
    claim(old.id)
    journal.check_disk(old.id)
    total = old.total
    journal.forget(old.id, ("failed",))  # looked at anew as those below: a file may be another by now
    journal.reopen(old.id)
    old = journal.facts(old.id) or old
    reporter.note(f"Going on: {old.done} of {total} are done.", done=old.done, total=total)
    journal.forget(old.id, ("refused", "skipped"))  # a reason may be gone
    before = list(journal.entries(old.id))
    outputs = [entry.planned.output for entry in before if entry.planned.output]
    # Results may lie among the photos: those of this job are no new ones.
    known = {naming.place(path) for path in (*(entry.planned.source for entry in before), *outputs)}
    journal.extend(old.id, _planned(named, choices, args.recursive, outputs, known))
    waiting = [entry for entry in journal.entries(old.id, again=True) if entry.state != "done"]
    if "-" in args.named:  # what this list leaves out waits in the journal for one that names it
        meant = {naming.place(found.path) for found in gather(named, args.recursive)}
        waiting = [entry for entry in waiting if naming.place(entry.planned.source) in meant]
    return old.id, waiting


def _left(args: argparse.Namespace, journal: Journal, choices: Choices, named: list[Path], reporter: Reporter) -> list[Planned]:
    """What `--resume` would go on with, tried out in a copy of the journal."""
    if journal.find(_key(args, choices)) is None:
        reporter.note("There is no such job to go on with: it begins anew.")
        return list(_planned(named, choices, args.recursive))
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "journal.sqlite"
        journal.copy(trial)
        with Journal(trial) as copied:
            return [entry.planned for entry in _noted(args, copied, choices, named, reporter, journal.check_free)[1]]


# Working


def _work(job: Job, machine: Engine, where: Where, journal: Journal, reporter: Reporter) -> int:
    for entry in job.entries:
        if entry.state == "refused":
            reporter.failed(str(entry.planned.source), Failure(entry.reason))
        elif entry.state == "skipped":
            reporter.note(f"{entry.planned.source}: {entry.reason}", source=entry.planned.source, skipped=True)
    waiting = [entry for entry in job.entries if entry.state == "waiting"]
    obstacle = results.obstacle(job.choices, [entry.planned for entry in waiting])
    if obstacle is not None:
        reporter.failed("upscale", obstacle)
        return NOTHING_DONE
    try:
        failure = work(job, waiting, machine, where, journal, reporter)
        if failure is not None:
            reporter.failed(job.choices.model, failure)
            return reporter.finish()
    except KeyboardInterrupt:
        reporter.clear()
        reporter.note("Stopped. The same command with --resume goes on.")
        raise
    return reporter.finish()
