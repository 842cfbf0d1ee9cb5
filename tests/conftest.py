"""What every test is held to: a home of its own, no unexpected warning, nothing left running, nothing left on the screen.

Qt runs offscreen unless somebody chose a platform, so the suite needs no display.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from app import log
from tests import leaks

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# What a machine takes for an example, or for thinking of one, says how busy it is, and nothing of us.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

OURS = ("app", "models")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", r"error:::(app|models|resources)(\..*)?$")
    leaks.watch_threads()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A thread, Qt thread, running timer or top-level widget that outlives its test fails it, and says where it came from."""
    before = leaks.alive()
    yield
    left = leaks.left_since(before)
    assert not left, "Left behind:\n" + "\n".join(left)


@pytest.fixture(autouse=True)
def ganvas_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Catalogue, log and settings of this test alone."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GANVAS_HOME", str(home))
    yield home
    log.stop()  # opened by a test that ran `main`


@pytest.fixture
def expected_warnings() -> list[str]:
    """Parts of log messages (WARNING and worse) that this test provokes on purpose: append to it. It fails without them."""
    return []


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def no_unexpected_log_warning(expected_warnings: list[str]) -> Iterator[None]:
    """A warning in the log is a fault that nobody looked at: it fails the test."""
    collector = _Collector()
    loggers = [logging.getLogger(name) for name in OURS]
    for logger in loggers:
        logger.addHandler(collector)
    yield
    for logger in loggers:
        logger.removeHandler(collector)
    lines = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in collector.records]
    unexpected = [line for line in lines if not any(part in line for part in expected_warnings)]
    assert not unexpected, "Unexpected in the log:\n" + "\n".join(unexpected)
    missing = [part for part in expected_warnings if not any(part in line for line in lines)]
    assert not missing, "Expected in the log, and not there:\n" + "\n".join(missing)
