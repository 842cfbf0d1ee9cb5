"""How much memory the program uses, as the status line tells it."""

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from app import memory_use


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_what_is_taken_is_counted() -> None:
    before = memory_use.used()
    taken = np.ones(50_000_000, np.uint8)
    after = memory_use.used()
    assert before is not None
    assert after is not None
    assert after - before > 0.9 * taken.nbytes


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_where_the_system_does_not_tell_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Any, *arguments: Any) -> Any:
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(builtins, "open", gone)
    assert memory_use.used() is None
