"""What tests of the command line share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import log
from models.catalogue import Catalogue
from tests.models.small_faces import small_network, write_folder
from tests.upscale import belt


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The name of a small generator in this test's catalogue."""
    (name,) = Catalogue().add(write_folder(small_network(), tmp_path / "graphs"))
    return name


@pytest.fixture
def log_is_closed() -> Iterator[None]:
    """The program may be started in this process: its log goes with the test."""
    yield
    log.stop()


@pytest.fixture
def with_model(ganvas_home: Path) -> Path:
    """This person's folder, with a model that repeats pixels."""
    belt.catalogue(ganvas_home / "data" / "catalogue")
    return ganvas_home
