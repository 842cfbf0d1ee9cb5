"""`ganvas models`: the catalogue from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.cli.options import add_common, engine
from app.cli.report import Reporter
from app.inference.requests import AddModelRequest, GetModelsRequest, InspectRequest, RemoveModelRequest
from app.inference.updates import Failure, Progress, Update
from models.card import TASKS, Card
from models.catalogue import LEFT_OUT, Entry

HELP = "list, fetch, add, inspect and remove models"
EXAMPLES = """\
  ganvas models list
  ganvas models get                      (all recommended models)
  ganvas models get faces
  ganvas models get --list
  ganvas models inspect network-snapshot.pkl
  ganvas models add network-snapshot.pkl ~/Downloads/models/
  ganvas models add --refer /mnt/models/
  ganvas models add latest_net_G.pth --answer num_upsampling_layers=more
  ganvas models remove network-snapshot"""

FORMATS = """\
formats, told by their bytes and not by their ending:
  PyTorch (.pth, .pt), pickles of StyleGAN (.pkl), safetensors, ncnn (.param beside .bin), OpenVINO (.xml beside .bin);
  zips, wheels and folders of these

networks:
  Explore    StyleGAN2, StyleGAN2 for TensorFlow, StyleGAN2 by rosinality, StyleGAN3, R3GAN, MobileStyleGAN, DCGAN
  Paint      SPADE (GauGAN)
  Upscale    ESRGAN, Real-ESRGAN compact, SRGAN, ncnn upscaler; further ones with the extra `spandrel`
  Transform  pix2pix, CycleGAN, GAN Compression"""

PANELS = {"latent": "Explore", "painting": "Paint", "upscaling": "Upscale", "translation": "Upscale, Transform",
          "labelling": "Paint, map from a photo"}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of the sub-command."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the models at hand")
    getting = commands.add_parser("get", help="fetch recommended models, over the network")
    getting.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    getting.add_argument("--list", action="store_true", help="only say what there is: size, licence, remark")
    adding = commands.add_parser("add", help="read model files, archives or folders into the catalogue")
    adding.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    adding.add_argument("--refer", action="store_true", help="do not copy: remember where the files lie")
    looking = commands.add_parser(
        "inspect", help="say what a file holds; nothing is written, nothing in it is run", epilog=FORMATS
    )
    looking.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    adding.add_argument(
        "--answer", type=_answer, action="append", default=[], metavar="KEY=VALUE", help="what the file leaves open"
    )
    removing = commands.add_parser("remove", help="remove models from the catalogue")
    removing.add_argument("names", nargs="+", metavar="NAME")
    for command in commands.choices.values():
        add_common(command)


def _answer(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def run(args: argparse.Namespace) -> int:
    """Do what the sub-command's sub-command says."""
    reporter = Reporter(args.json)
    commands = {"list": _list, "get": _get, "add": _add, "inspect": _inspect, "remove": _remove}
    commands[args.command](args, reporter)
    return reporter.finish()


def _list(args: argparse.Namespace, reporter: Reporter) -> None:
    catalogue = engine(args).catalogue
    entries = sorted(catalogue.entries(), key=lambda entry: TASKS.index(entry.card.task))
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        line = f"{entry.name:<{width}}  {_in_a_line(entry.card)}, {_megabytes(entry)}, {entry.origin}"
        reporter.result(line, **_facts(entry.card), bytes=entry.weights.stat().st_size, origin=entry.origin)
    for broken in catalogue.broken():
        reporter.failed(broken.name, Failure("It is broken.", broken.reason, f"ganvas models remove {broken.name}"))
    if not entries:
        reporter.note("The catalogue is empty. `ganvas models get` fetches the recommended models.")


def _get(args: argparse.Namespace, reporter: Reporter) -> None:
    machine = engine(args)
    if args.list:
        from models.getting import offers

        for offer in offers(machine.catalogue):
            model, pin = offer.model, offer.pin
            state = "at hand" if offer.entry else f"comes in a file of {pin.bytes / 1e6:.0f} MB"
            text = f"{model.name}: {model.title}, {state}, {model.licence}. {model.licence_note or model.description}"
            facts = {**asdict(model), "bytes": pin.bytes, "file": pin.file, "at_hand": offer.entry is not None}
            reporter.result(text, **facts)
        return
    ending = reporter.follow(machine.run(GetModelsRequest(tuple(args.names))))
    if isinstance(ending, Failure):
        reporter.failed(", ".join(args.names) or "recommended models", _asking(ending))
        return
    _say_names(machine.catalogue.find, ending.result, reporter)


def _add(args: argparse.Namespace, reporter: Reporter) -> None:
    machine = engine(args)
    for path in args.paths:
        updates = _with_notes(machine.run(AddModelRequest(path, dict(args.answer), args.refer)), reporter)
        ending = reporter.follow(updates)
        if not isinstance(ending, Failure):
            _say_names(machine.catalogue.find, ending.result, reporter)
        else:
            reporter.failed(str(path), _asking(ending))


def _with_notes(updates: Iterator[Update], reporter: Reporter) -> Iterator[Update]:
    """The updates; what a folder holds besides models that can be read is told on the way."""
    for update in updates:
        if isinstance(update, Progress) and update.text.startswith(LEFT_OUT):
            reporter.note(update.text)
        yield update


def _inspect(args: argparse.Namespace, reporter: Reporter) -> None:
    machine = engine(args)
    for path in args.paths:
        ending = reporter.follow(machine.run(InspectRequest(path)))
        if isinstance(ending, Failure):
            reporter.failed(str(path), _asking(ending))
            continue
        cards: list[Card] = ending.result
        for card in cards:
            reporter.result(f"{path}: {_at_length(card)}", path=str(path), **_facts(card), config=card.config)


def _remove(args: argparse.Namespace, reporter: Reporter) -> None:
    machine = engine(args)
    for name in args.names:
        ending = reporter.follow(machine.run(RemoveModelRequest(name)))
        if not isinstance(ending, Failure):
            reporter.result(f"removed {name}", name=name)
        else:
            reporter.failed(name, ending)


def _say_names(find: Any, names: list[str], reporter: Reporter) -> None:
    for name in names:
        entry: Entry | None = find(name)
        if entry is not None:
            reporter.result(f"{name}: {_in_a_line(entry.card)}", **_facts(entry.card))


def _asking(failure: Failure) -> Failure:
    """The failure; where a file leaves a question open, with how it is answered here."""
    if not failure.key:
        return failure
    choices = " or ".join(f"--answer {failure.key}={choice}" for choice in failure.choices[:6])
    return Failure(failure.what, failure.why, f"Say it with {choices}.")


def _facts(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "task": card.task,
        "family": card.family,
        "resolution": card.resolution,
        "scale": card.scale,
        "licence": card.licence,
        "licence_note": card.licence_note,
        "non_commercial": card.non_commercial,
        "credit": card.credit,
        "sha256": card.sha256,
    }


def _in_a_line(card: Card) -> str:
    size = f", {card.resolution} px" if card.resolution else f", x{card.scale}" if card.task == "upscaling" else ""
    return f"{card.title} ({PANELS[card.task]}{size}), {_licence(card)}"


def _at_length(card: Card) -> str:
    parts = [f"{card.title}, family {card.family}", f"for {PANELS[card.task]}"]
    if card.resolution:
        parts.append(f"{card.resolution} px")
    if card.task == "upscaling":
        parts.append(f"x{card.scale}")
    if card.labels:
        parts.append(f"{len(card.labels)} labels")
    return f"{', '.join(parts)}; {_licence(card)}; sha256 {card.sha256}"


def _licence(card: Card) -> str:
    limit = {True: "; non-commercial", False: "", None: ""}[card.non_commercial]
    return f"{card.licence_said}{limit}"


def _megabytes(entry: Entry) -> str:
    return f"{entry.weights.stat().st_size / 1e6:.1f} MB"
