"""What the command line offers beyond a model and a size: two models mixed, turns averaged, grain given back, parts protected."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.inference.updates import Failure
from app.photos import masks
from app.photos.photo import PhotoError
from app.upscale.plan import MOST_GRAIN, Choices
from models.interpolation import refusal

if TYPE_CHECKING:
    from models.card import Card


def configure_network(parser: argparse.ArgumentParser) -> None:
    """What changes the network's work."""
    parser.add_argument(
        "--blend-with",
        type=_mixture,
        metavar="M=SHARE",
        help="mix in a model that is built alike, best of one descent: restore-x4=0.3",
    )
    parser.add_argument(
        "--turns", action="store_true", help="average over eight turns of each tile: a little finer, eight times as long"
    )


def configure_finish(parser: argparse.ArgumentParser) -> None:
    """What is done after the network."""
    parser.add_argument(
        "--grain",
        type=_grain,
        default=0.0,
        metavar="G",
        help=f"give back the photo's own grain: 1 as much as it has, up to {MOST_GRAIN:g} (default: 0)",
    )
    parser.add_argument(
        "--protect", type=Path, metavar="MASK", help="keep the plain resize where this picture is white (of the photos' shape)"
    )
    parser.add_argument(
        "--protect-labels", type=_names, metavar="L,L", help="of a label map from Paint: protect what these labels stand for"
    )


def _mixture(text: str) -> tuple[str, float]:
    name, equals, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not name or not equals or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not like other-model=0.3, with a share from 0 to 1")
    return name, value


def _grain(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_GRAIN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {MOST_GRAIN:g}")
    return value


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def with_looks(
    choices: Choices, args: argparse.Namespace, card: Card, card_of: Callable[[str], Card | Failure]
) -> Choices | Failure:
    """The choices with what was asked for here, or why it cannot be. `card` is the model's, `card_of` finds another's."""
    choices = replace(choices, grain=args.grain)
    if getattr(args, "blend_with", None):
        name, share = args.blend_with
        other = card_of(name)
        if isinstance(other, Failure):
            return other
        why = refusal(card, other)
        if why:
            hint = "Choose two models of one kind and scale."
            return Failure(f"{card.title} and {other.title} cannot be mixed.", why, hint)
        choices = replace(choices, other=name, share=share)
    if getattr(args, "turns", False):
        choices = replace(choices, turns=True)
    if args.protect is None:
        return Failure("--protect-labels needs --protect MAP.") if args.protect_labels else choices
    known = {} if args.protect_labels else masks.labels_of(args.protect)
    if known:
        hint = f"Say which labels with --protect-labels; it has {', '.join(sorted(known))}."
        return Failure(f"{args.protect.name} is a label map.", hint=hint)
    try:
        mask = masks.read_mask(args.protect, args.protect_labels or ())
        return replace(choices, protect=masks.keep(mask))
    except PhotoError as error:
        return Failure(f"The mask {args.protect.name} cannot be used: {error.what}", hint=error.hint)
    except OSError as error:
        return Failure(f"The mask {args.protect.name} cannot be used: {error.strerror or type(error).__name__}.")
