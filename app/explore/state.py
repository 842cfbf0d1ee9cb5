"""Explore's document: the variation at hand, the pinned one, the favourites, and the tree of those seen. No Qt, no torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.explore.point import Point
from app.explore.variation import RecipeError, Variation
from app.history import Command, History

VERSION = 2  # the newest that is read: points of the latent space, whose pictures older programs would show as other ones
PLAIN_VERSION = 1  # of what holds none, so that every program reads it
SEEN_LIMIT = 200  # thumbnails of 96 px: some 5 MB
FAVOURITES_LIMIT = 500


@dataclass(frozen=True)
class Seen:
    """A variation that was looked at: its number, and that of the one it was made from (None for the first)."""

    number: int
    parent: int | None
    variation: Variation


class Document:
    """What Explore edits. Every change goes through `history` and can be taken back; `changed` callbacks run after each.

    `change("psi", psi=0.5)` is a step; steps of one `key` merge until `seal` is called (a slider that is dragged).
    """

    def __init__(self, history: History | None = None) -> None:
        self.history = history or History()
        self.now = Variation()
        self.pinned: Variation | None = None
        self.favourites: tuple[Variation, ...] = ()
        self.seen: list[Seen] = []
        self.place: int | None = None  # number of the last seen variation: what comes next is made from it
        self.changed: list[Callable[[], None]] = []
        self.history.changed.append(self._tell)

    def change(self, key: str, title: str, **values: Any) -> None:
        """Set fields of the variation at hand, as one step of undo (merged with the one before of the same key)."""
        self.become(key, title, replace(self.now, **values))

    def become(self, key: str, title: str, variation: Variation) -> None:
        """Make another variation the one at hand, as one step of undo."""
        if variation != self.now:
            self.history.do(_Become(self, key, title, self.now, variation))

    def seal(self) -> None:
        """A gesture ends: the next change is a step of its own."""
        self.history.seal()

    def pin(self) -> None:
        """Pin the variation at hand, or let go of it if it is pinned already."""
        pinned = None if self.pinned == self.now else self.now
        self.history.do(_Keep(self, "Pin" if pinned else "Unpin", self.favourites, pinned))
        self.seal()

    def favour(self) -> bool:
        """Star the variation at hand, or take its star away; whether it has one now."""
        starred = self.now not in self.favourites
        kept = (*self.favourites, self.now) if starred else tuple(v for v in self.favourites if v != self.now)
        self.history.do(_Keep(self, "Favourite" if starred else "No favourite", kept[-FAVOURITES_LIMIT:], self.pinned))
        self.seal()
        return starred

    def unfavour(self, variation: Variation) -> None:
        """Take the star of another variation away."""
        kept = tuple(v for v in self.favourites if v != variation)
        self.history.do(_Keep(self, "No favourite", kept, self.pinned))
        self.seal()

    def settle(self) -> Seen:
        """The hand rests on the variation at hand: it is seen now, a child of the one seen before."""
        last = next((seen for seen in self.seen if seen.number == self.place), None)
        if last is not None and last.variation == self.now:
            return last
        same = next((seen for seen in self.seen if seen.variation == self.now), None)
        if same is None:
            number = self.seen[-1].number + 1 if self.seen else 0
            same = Seen(number, self.place, self.now)
            self.seen.append(same)
            del self.seen[:-SEEN_LIMIT]
        self.place = same.number
        return same

    def to_recipe(self, sha256: str = "", title: str = "", enlarge_with: str = "", of: Variation | None = None) -> dict[str, Any]:
        """The making-of of the picture at hand, or of another variation: enough to make it again. `sha256` and `title` are of the
        model's card, `enlarge_with` is the upscaler that it went through ("": none)."""
        made = of or self.now
        return {
            "panel": "explore",
            "version": version_of(made),
            "model": {"name": made.model, "title": title, "sha256": sha256},
            "variation": made.to_dict(),
            "enlarge_with": enlarge_with,
        }

    def state(self) -> dict[str, Any]:
        """The whole document, but for the undo stack; JSON's types alone.

        A point that many variations share is written once, under its key in "points".
        """
        points: dict[str, Any] = {}

        def written(variation: Variation) -> dict[str, Any]:
            if variation.point is None:
                return variation.to_dict()
            points[variation.point.key] = variation.point.to_dict()
            return {**replace(variation, point=None).to_dict(), "point": variation.point.key}

        state = {
            "now": written(self.now),
            "pinned": written(self.pinned) if self.pinned else None,
            "favourites": [written(variation) for variation in self.favourites],
            "seen": [{"parent": seen.parent, "number": seen.number, **written(seen.variation)} for seen in self.seen],
            "place": self.place,
        }
        return {"version": VERSION if points else PLAIN_VERSION, **state, **({"points": points} if points else {})}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `state` gave. Entries that cannot be read are passed over; the undo stack is emptied."""
        if state.get("version") not in (PLAIN_VERSION, VERSION):
            return
        points = _points(state.get("points"))

        def readable(entry: Any) -> Variation | None:
            if not _refers(entry):
                return _readable(entry)
            plain, point = _readable({**entry, "point": None}), points.get(entry["point"])
            return replace(plain, point=point) if plain and point else None  # where it is lost, no other picture is shown

        now = readable(state.get("now"))
        if now is not None:
            self.now = now
        self.pinned = readable(state.get("pinned"))
        favourites = (readable(entry) for entry in _entries(state.get("favourites")))
        self.favourites = tuple(variation for variation in favourites if variation is not None)[-FAVOURITES_LIMIT:]
        self.seen = []
        for entry in _entries(state.get("seen"))[-SEEN_LIMIT:]:
            variation, number, parent = readable(entry), entry.get("number"), entry.get("parent")
            if variation is None or type(number) is not int or not (parent is None or type(parent) is int):
                continue
            if not self.seen or number > self.seen[-1].number:
                self.seen.append(Seen(number, parent, variation))
        place = state.get("place")
        self.place = place if type(place) is int and place in {seen.number for seen in self.seen} else None
        self.history.clear()

    def _tell(self) -> None:
        for callback in self.changed:
            callback()


def version_of(*variations: Variation) -> int:
    """The version of a recipe that holds these variations."""
    return VERSION if any(variation.point for variation in variations) else PLAIN_VERSION


def from_recipe(recipe: dict[str, Any]) -> Variation:
    """The variation of a recipe. `RecipeError` says why there is none."""
    if recipe.get("panel") != "explore":
        raise RecipeError("This picture was not made in Explore.")
    version = recipe.get("version")
    if type(version) is not int or version > VERSION:
        raise RecipeError("This picture was made by a newer Ganvas; update to open its recipe.")
    return Variation.from_dict(recipe.get("variation"))


def model_of(recipe: dict[str, Any]) -> tuple[str, str]:
    """(title or name, sha256) of the model a recipe was made with, for a person and for finding it; "" where unsaid."""
    model = recipe.get("model")
    if not isinstance(model, dict):
        return "", ""
    return str(model.get("title") or model.get("name") or ""), str(model.get("sha256") or "")


def _readable(data: Any) -> Variation | None:
    try:
        return Variation.from_dict(data)
    except RecipeError:
        return None


def _points(data: Any) -> dict[str, Point]:
    """Those that can be read, each once for all variations that share it."""
    points = {}
    for key, held in data.items() if isinstance(data, dict) else ():
        with contextlib.suppress(ValueError):
            points[key] = Point.from_dict(held)
    return points


def _refers(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("point"), str)


def _entries(data: Any) -> list[dict[str, Any]]:
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


class _Become:
    """One variation becomes another."""

    bytes = 0  # some numbers

    def __init__(self, document: Document, key: str, title: str, before: Variation, after: Variation) -> None:
        self.title, self._document, self._key = title, document, key
        self._before, self._after = before, after

    def redo(self) -> None:
        self._document.now = self._after

    def undo(self) -> None:
        self._document.now = self._before

    def merge(self, later: Command) -> bool:
        if not isinstance(later, _Become) or later._key != self._key:
            return False
        self._after = later._after
        return True


class _Keep:
    """Favourites and the pin change."""

    bytes = 0  # some numbers

    def __init__(self, document: Document, title: str, favourites: tuple[Variation, ...], pinned: Variation | None) -> None:
        self.title, self._document = title, document
        self._before = (document.favourites, document.pinned)
        self._after = (favourites, pinned)

    def redo(self) -> None:
        self._document.favourites, self._document.pinned = self._after

    def undo(self) -> None:
        self._document.favourites, self._document.pinned = self._before

    def merge(self, later: Command) -> bool:
        return False
