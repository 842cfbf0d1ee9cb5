"""The panel shares a job with further devices: here processes on the processor stand for them, as in the command line's tests."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import DeviceMemoryRequest, DeviceRequest, FurtherDevices
from app.inference.updates import Done, Failure
from app.inference.worker import InferenceWorker, engine_beside_a_window
from app.photos.decoding import decode
from app.upscale.hands import Hand, ProcessHand, Refused
from app.upscale.panel import UpscalePanel
from app.widgets.panel import Notice
from models.allowance import Allowance
from models.catalogue import Catalogue
from tests.inference.at_work import at_work
from tests.upscale import belt
from tests.upscale.belt import doubled, photos

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def home_catalogue(ganvas_home: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Where other processes look too; here it holds the small model alone."""
    made = belt.catalogue(ganvas_home / "data" / "catalogue")
    monkeypatch.setattr(made, "embedded", ganvas_home / "nothing")
    return made


@pytest.fixture
def further() -> tuple[str, ...]:
    return ("cpu:1",)


@pytest.fixture
def worker(home_catalogue: Catalogue, qapp: object, further: tuple[str, ...]) -> Iterator[InferenceWorker]:
    with at_work(Engine(home_catalogue, device="cpu", precision="float32", threads=1, further=further)) as worker:
        yield worker


class Job:
    """A job of large photos in the panel, and who made how many tiles of it."""

    def __init__(self, panel: UpscalePanel, until: Until, folder: Path) -> None:
        self.panel, self.until, self.folder = panel, until, folder
        self.said: list[str] = []
        self.notices: list[Notice] = []
        panel.job.progressed.connect(lambda done, total, text: self.said.append(text))
        panel.noticed.connect(lambda notice: self.notices.append(notice) if notice is not None else None)

    def begin(self, count: int) -> None:
        photos(self.folder / "in", count, 400, 600)
        self.panel.queue.set_choices(replace(self.panel.queue.choices, into=self.folder / "out"))
        self.panel.add([self.folder / "in"])
        self.until(lambda: [row.state for row in self.panel.queue.rows] == ["ready"] * count)
        self.panel.job.start()
        self.until(lambda: self.panel.runner.state == "running")

    def pause_until_all_are_there(self) -> None:
        """Starting a process takes longer than the whole job would."""
        runner = self.panel.runner
        runner.pause()
        self.until(lambda: runner.state == "paused" and runner.is_quiet and runner.devices == 2)

    @property
    def hands(self) -> list[Hand]:
        crew = self.panel.runner._crew
        return list(crew.hands) if crew is not None else []

    def check(self, count: int) -> None:
        """Every photo is there, once, whole."""
        self.until(lambda: self.panel.runner.state == "idle")
        assert [row.state for row in self.panel.queue.rows] == ["done"] * count
        assert len(list((self.folder / "out").iterdir())) == count
        for row in self.panel.queue.rows:
            assert row.planned is not None
            assert row.planned.output is not None
            made, wanted = decode(row.planned.output).pixels, doubled(decode(row.planned.source).pixels)
            assert made.shape == wanted.shape
            assert np.abs(made.astype(int) - wanted).max() <= 1


@pytest.fixture
def job(panel: UpscalePanel, until: Until, tmp_path: Path) -> Job:
    until(lambda: bool(panel.runner.further.names))
    return Job(panel, until, tmp_path)


def test_a_further_device_joins_pauses_goes_on_and_its_loss_costs_no_photo(job: Job) -> None:
    runner = job.panel.runner
    job.begin(16)
    assert runner.devices == 1  # the window's own begins at once
    job.pause_until_all_are_there()
    job.until(lambda: any("2 devices" in text for text in job.said))
    crew, other = runner._crew, job.hands[1]
    assert crew is not None
    assert isinstance(other, ProcessHand)
    tiles: list[object] = []
    runner.tile_came.connect(lambda row, tile, place: tiles.append(row))
    runner.resume()
    job.until(lambda: bool(tiles) and len(crew.at_work) == 2)
    runner.pause()
    job.until(lambda: runner.state == "paused" and runner.is_quiet)
    runner.resume()
    job.until(lambda: other in crew.at_work)
    os.kill(other.process, signal.SIGKILL)
    job.until(lambda: len(job.hands) == 1)
    assert job.notices[-1].what == "cpu:1 was lost: its process ended."
    job.check(16)
    assert runner.devices == 0


def test_stopping_and_closing_end_the_processes(job: Job) -> None:
    runner = job.panel.runner
    job.begin(10)
    job.pause_until_all_are_there()
    other = job.hands[1]
    assert isinstance(other, ProcessHand)
    process = other._process
    runner.stop()
    job.until(lambda: runner.state == "idle" and getattr(process, "_closed", False))
    job.panel.job.start()
    job.until(lambda: runner.state == "running")
    runner.shut()  # while a process is only just beginning
    assert not job.hands
    assert not multiprocessing.active_children()
    assert not list(job.folder.rglob(".ganvas-*"))


def test_another_amount_of_memory_reaches_the_processes_of_the_job_at_work_and_of_the_next(
    job: Job, worker: InferenceWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[tuple[str, Allowance]] = []
    begun_with: list[Allowance | None] = []
    plain_allow, plain_start = ProcessHand.allow, ProcessHand.__init__

    def allow(self: ProcessHand, memory: Allowance) -> None:
        allowed.append((self.name, memory))
        plain_allow(self, memory)

    def start(self: ProcessHand, *args: Any) -> None:
        begun_with.append(args[4])
        plain_start(self, *args)

    monkeypatch.setattr(ProcessHand, "allow", allow)
    monkeypatch.setattr(ProcessHand, "__init__", start)
    job.begin(6)
    worker.submit(DeviceMemoryRequest(Allowance(0.5)))
    job.pause_until_all_are_there()
    job.until(lambda: allowed == [("cpu:1", Allowance(0.5))])
    job.panel.runner.resume()
    job.check(6)
    worker.submit(DeviceMemoryRequest(Allowance(0.25)))
    job.until(lambda: job.panel.runner.further.memory == Allowance(0.25))
    job.panel.job.again.emit(list(job.panel.queue.rows))
    job.until(lambda: begun_with[1:] == [Allowance(0.25)])
    job.until(lambda: job.panel.runner.state == "idle")
    assert len(allowed) == 1


def test_a_device_that_cannot_take_another_amount_of_memory_is_told_of_and_goes_on(
    job: Job, worker: InferenceWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: ProcessHand, memory: Allowance) -> None:
        self._heard(self, Refused(Failure("Something went wrong that should not.", "RuntimeError: CUDA error.", "See the log.")))

    monkeypatch.setattr(ProcessHand, "allow", refuse)
    job.begin(6)
    job.pause_until_all_are_there()
    worker.submit(DeviceMemoryRequest(Allowance(0.5)))
    job.until(lambda: bool(job.notices))
    (told,) = job.notices
    assert told.what == "cpu:1 goes on with the graphics memory that it had."
    assert told.why == "Something went wrong that should not. RuntimeError: CUDA error."
    assert told.hint == "See the log."
    assert len(job.hands) == 2
    job.panel.runner.resume()
    job.check(6)


@pytest.mark.parametrize("further", [("cuda:7",)])
def test_a_device_that_cannot_compute_is_told_and_the_job_is_done_without_it(job: Job) -> None:
    job.begin(6)
    job.panel.runner.pause()
    job.until(lambda: any("cuda:7 cannot be used" in notice.what for notice in job.notices))
    job.panel.runner.resume()
    job.check(6)


@pytest.mark.parametrize("further", [()])
def test_where_there_is_one_device_nothing_shows(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    job = Job(panel, until, tmp_path)
    job.begin(4)
    job.check(4)
    assert not any("devices" in text for text in job.said)


def told(engine: Engine) -> FurtherDevices:
    done = list(engine.run(DeviceRequest()))[-1]
    assert isinstance(done, Done)
    further: FurtherDevices = done.result.further
    return further


def test_a_window_shares_with_the_devices_of_the_list_it_was_given(ganvas_home: Path) -> None:
    listed = engine_beside_a_window(Catalogue(), "cpu:0,cpu:1,cpu:2", "float32")
    assert told(listed) == FurtherDevices(("cpu:1", "cpu:2"), "float32", max(1, (os.cpu_count() or 1) // 3))
    assert told(engine_beside_a_window(Catalogue(), "cpu")).names == ()


def test_all_cuda_devices_share_where_nobody_chose(ganvas_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models import device

    monkeypatch.setattr(device, "cuda_devices", lambda: 3)
    assert told(engine_beside_a_window(Catalogue())).names == ("cuda:1", "cuda:2")
    assert told(engine_beside_a_window(Catalogue(), "cpu")).names == ()
