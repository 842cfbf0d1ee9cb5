"""Names of results: a template, what file systems allow, and no two results under one name."""

from __future__ import annotations

import os
import re
import string
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

DEFAULT_TEMPLATE = "{name}_{model}_x{scale}"
FIELDS = {
    "name": "the photo's name without its extension",
    "model": "the model's name",
    "scale": "how many times larger, like 4 or 2.5",
    "width": "the result's width in pixels",
    "height": "the result's height in pixels",
}
# Linux, macOS and Windows hold 255 bytes or more of a name each.
MAX_NAME_BYTES = 255
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class TemplateError(ValueError):
    """A name template that cannot be used; the text is one sentence for a person."""


def check_template(template: str) -> str:
    """The template itself, where it can be filled in; `TemplateError` says what is wrong."""
    fields = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(f"The name template {template!r} has a brace too many or too few.") from error
    for _, field, spec, conversion in parts:
        if field is not None and (field not in FIELDS or spec or conversion):
            raise TemplateError(f"The name template knows {fields}, but not {{{field}}}.")
    if not any(field == "name" for _, field, _, _ in parts):
        raise TemplateError("The name template must hold {name}, or all results would bear one name.")
    if _FORBIDDEN.search("".join(text for text, *_ in parts)):
        raise TemplateError(f"The name template {template!r} holds a character that file names cannot have.")
    return template


def scale_text(factor: float) -> str:
    """A factor as names show it: 4, 2.5, 1.33."""
    return f"{factor:.2f}".rstrip("0").rstrip(".")


def fill(template: str, values: Mapping[str, str], extension: str) -> str:
    """The name of a result with its extension, at most 255 bytes: the photo's own name is shortened where it must be."""
    clean = {key: _FORBIDDEN.sub("-", value) for key, value in values.items()}
    tail = f".{extension}"
    room = MAX_NAME_BYTES - len(tail.encode("utf-8", "surrogateescape"))
    named = template.format_map(clean)
    over = len(_bytes(named)) - room
    if over > 0:
        times = max(1, template.count("{name}"))
        keep = max(1, len(_bytes(clean["name"])) - -(-over // times))
        named = template.format_map(clean | {"name": _cut(clean["name"], keep)})
    named = _cut(named, room).rstrip(" .") or "photo"
    return (f"_{named}" if _RESERVED.fullmatch(named) else named) + tail


def numbered(name: str, number: int) -> str:
    """The name with " (2)" before its extension, still at most 255 bytes."""
    stem, dot, extension = name.rpartition(".")
    mark = f" ({number})"
    room = MAX_NAME_BYTES - len(_bytes(mark + dot + extension))
    return _cut(stem, room) + mark + dot + extension


def free(wanted: Path, taken: Collection[str]) -> Path:
    """The first of "wanted (2)", "wanted (3)" ... that nothing bears and whose `key` is not `taken`."""
    path, number = wanted, 1
    while path == wanted or key(os.path.abspath(path)) in taken or os.path.lexists(path):
        number += 1
        path = wanted.with_name(numbered(wanted.name, number))
    return path


def key(path: str) -> str:
    """Paths with equal keys may be one file on some system: case and the two spellings of accents do not count there."""
    return unicodedata.normalize("NFC", path).casefold()


def place(path: Path) -> str:
    """Where a file is or would be, whatever links lead into its folder. The file's own name stays: it may be a link itself."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def _bytes(text: str) -> bytes:
    # Names that are no UTF-8 reach Python with lone surrogates for their odd bytes: they go back as those bytes.
    return text.encode("utf-8", "surrogateescape")


def _cut(text: str, size: int) -> str:
    """The longest beginning of at most `size` bytes that ends between two characters (an accent stays with its letter)."""
    if len(_bytes(text)) <= size:
        return text
    end, total = 0, 0
    for character in text:
        total += len(_bytes(character))
        if total > size:
            break
        end += 1
    while end > 1 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end]
