"""What tests of the command line share."""

from pathlib import Path

import pytest

from models.catalogue import Catalogue
from tests.models.small_faces import small_network, write_folder


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The name of a small generator in this test's catalogue."""
    (name,) = Catalogue().add(write_folder(small_network(), tmp_path / "graphs"))
    return name
