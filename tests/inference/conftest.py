"""An engine with small real networks."""

import pytest

from app.inference.engine import Engine
from models.catalogue import Catalogue
from tests.inference import small_models


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return small_models.catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
def engine(catalogue: Catalogue) -> Engine:
    return Engine(catalogue, device="cpu", precision="float32", threads=1)
