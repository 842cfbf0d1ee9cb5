"""Packages that Ganvas can do without (the extras of pyproject.toml), and how one of them is added."""

import sys


def is_packaged() -> bool:
    """True in the frozen program, which takes no packages: there pip would install Ganvas anew, elsewhere."""
    return bool(getattr(sys, "frozen", False))


def how_to_add(extra: str) -> str:
    """What a person can do who needs an extra that is not installed."""
    if is_packaged():
        return "It cannot be added to this packaged program, only to a Ganvas that was installed with Python."
    return f"Install it with: pip install 'ganvas[{extra}]'."
