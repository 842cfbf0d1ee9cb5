"""A Paint panel with the real worker. Its engine paints each pixel in its label's colour, at once or when it is let."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from app.inference.requests import DescribeRequest, ModelFacts, PaintRequest
from app.inference.updates import Done, Failure, Frame, Remark, Update
from app.inference.worker import InferenceWorker
from app.paint.panel import PaintPanel
from app.settings import Settings
from models.card import Card, Label
from models.catalogue import CARD, WEIGHTS, Catalogue
from tests.paint.sheet import LABELS


class ColourEngine:
    """Answers with the map in its colours, brightened by the look's seed; keeps the requests that it was asked.

    While `held` is set each picture waits for one `release` of `gate`. A request for a model called "broken" fails, and one for
    a look of a model in `one_look`. `remark` is said of each finished picture.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.held = False
        self.gate = threading.Semaphore(0)
        self.style_dim = 4
        self.one_look: set[str] = set()  # models that have one look only
        self.remark = ""

    def run(self, request: Any) -> Iterator[Update]:
        self.asked.append(request)
        if isinstance(request, DescribeRequest):
            yield Done(ModelFacts(request.model, style_dim=0 if request.model in self.one_look else self.style_dim), 0.0)
            return
        if not isinstance(request, PaintRequest):
            yield Done(None, 0.0)
            return
        if self.held:
            assert self.gate.acquire(timeout=60), "nobody opened the gate"
        if request.model == "broken":
            yield Failure("This model is broken.", "It was made so.", "Choose another.")
            return
        if request.model in self.one_look and request.look is not None:
            yield Failure("This model has one look only.", "Its network takes no style.", "Paint without a look.")
            return
        colours = np.zeros((256, 3), np.uint8)
        for label in LABELS:
            colours[label.id] = label.colour
        picture = colours[request.label_map]
        if isinstance(request.look, int):
            picture = np.minimum(picture.astype(np.int32) + request.look % 50, 255).astype(np.uint8)
        if self.remark and request.deadline_ms is None:
            yield Remark(self.remark)
        yield Frame(picture, 64, 1.0, final=not self.remark)
        yield Done(picture, 0.001)

    @property
    def paintings(self) -> list[PaintRequest]:
        return [request for request in self.asked if isinstance(request, PaintRequest)]


def add_painter(
    catalogue: Catalogue, name: str, labels: tuple[Label, ...], resolution: int = 64, config: dict[str, Any] | None = None
) -> None:
    """A painting model of the catalogue that only `ColourEngine` can run."""
    folder = catalogue.home / name
    folder.mkdir(parents=True)
    card = Card(
        name,
        name.capitalize(),
        "painting",
        "test",
        config=config or {},
        labels=labels,
        resolution=resolution,
        licence="MIT",
        sha256="ab" * 32,
    )
    (folder / CARD).write_text(card.to_json(), encoding="utf-8")
    save_file({"nothing": np.zeros(1, np.float32)}, folder / WEIGHTS)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """One painter, "colours", and nothing that comes along."""
    found = Catalogue(tmp_path / "catalogue")
    found.embedded = tmp_path / "nothing embedded"
    add_painter(found, "colours", LABELS)
    return found


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


MakePanel = Callable[..., PaintPanel]


@pytest.fixture
def make_panel(qtbot: QtBot, catalogue: Catalogue, engine: ColourEngine) -> Iterator[MakePanel]:
    """Builds panels that are shown and awake, and shuts them in the end (not those that were `killed`)."""
    made: list[PaintPanel] = []
    workers: list[InferenceWorker] = []

    def make(state: dict[str, Any] | None = None, wake: bool = True, settings: Settings | None = None) -> PaintPanel:
        worker = InferenceWorker(engine)
        panel = PaintPanel(worker, catalogue, settings or Settings())
        qtbot.addWidget(panel)
        assert panel.picker is not None
        qtbot.addWidget(panel.picker)  # the window's header takes it
        panel.resize(1000, 640)
        panel.show()
        if wake:
            panel.restore(state or {})
        made.append(panel)
        workers.append(worker)
        return panel

    yield make
    for panel in made:
        panel.shut()
    for worker in workers:
        worker.close()


@pytest.fixture
def panel(make_panel: MakePanel, qtbot: QtBot) -> PaintPanel:
    """A panel whose first landscape is there."""
    made = make_panel()
    qtbot.waitUntil(lambda: made.live.up_to_date and made.picture is not None)
    return made
