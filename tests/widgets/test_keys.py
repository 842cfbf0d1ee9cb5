"""Keys are named as on the system that Ganvas runs on. A Mac's names are stood in for: Qt knows those of its own system alone."""

import pytest

from app.widgets import keys

MAC = {"Ctrl": "⌘", "Alt": "⌥", "Shift": "⇧"}


def on_a_mac(sequence: str) -> str:
    """As Qt writes them there: signs without plus, in the order ⌥⇧⌘."""
    *held, key = sequence.split("+")
    return "".join(MAC[one] for one in ("Alt", "Shift", "Ctrl") if one in held) + key


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("Undo the brush (Ctrl+Z)", "Undo the brush (⌘Z)"),
        ("Ctrl+Z, Ctrl+Shift+Z", "⌘Z, ⇧⌘Z"),
        ("Ctrl+1 … Ctrl+3", "⌘1 … ⌘3"),
        ("Ctrl or Alt and click", "⌘ or ⌥ and click"),
        ("Shift+4, 5, 6; M", "⇧4, 5, 6; M"),
        ("Loupe (L): Ctrl and wheel change it", "Loupe (L): ⌘ and wheel change it"),
        ("Shift and drag", "Shift and drag"),
        ("F11", "F11"),
        ("Control what you see; Alternate", "Control what you see; Alternate"),
    ],
)
def test_keys_in_a_text_are_those_of_the_system(text: str, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "native", on_a_mac)
    assert keys.as_here(text) == there


@pytest.mark.parametrize("text", ["Undo (Ctrl+Z)", "Ctrl+1 … Ctrl+3", "Ctrl or Alt and click", "Shift+1, 2, 3"])
def test_on_this_system_qt_names_them(text: str) -> None:
    assert keys.native("Ctrl+Z") in ("Ctrl+Z", "⌘Z")
    if keys.native("Ctrl+Z") == "Ctrl+Z":
        assert keys.as_here(text) == text
