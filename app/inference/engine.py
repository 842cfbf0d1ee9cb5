"""The engine: a request in, an iterator of updates out. It knows of no threads, lanes or windows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app import log
from app.inference import cataloguing, dragging, exploring, labelling, painting, projecting, translating, upscaling
from app.inference.devices import devices_named
from app.inference.opened import OpenedModels
from app.inference.requests import (
    AddModelRequest,
    DescribeRequest,
    DeviceMemoryRequest,
    DeviceRequest,
    DragRequest,
    FurtherDevices,
    GenerateRequest,
    GetModelsRequest,
    InspectRequest,
    LabelRequest,
    Mix,
    PaintRequest,
    ProjectionTimeRequest,
    ProjectRequest,
    RemoveModelRequest,
    Request,
    TranslateRequest,
    UpscaleRequest,
)
from app.inference.updates import Done, Failure, Update
from app.inference.workbench import Job, Workbench
from models.allowance import Allowance
from models.catalogue import Catalogue
from models.errors import ModelError, NeedsAnswer

if TYPE_CHECKING:
    from models.opening import Model

logger = logging.getLogger(__name__)

JOBS: dict[type, Callable[[Workbench, Any], Job[Any]]] = {
    GenerateRequest: exploring.generate,
    DragRequest: dragging.drag,
    ProjectRequest: projecting.project,
    ProjectionTimeRequest: projecting.projection_time,
    PaintRequest: painting.paint,
    UpscaleRequest: upscaling.upscale,
    TranslateRequest: translating.translate,
    LabelRequest: labelling.label,
    DescribeRequest: cataloguing.describe,
    InspectRequest: cataloguing.inspect,
    AddModelRequest: cataloguing.add,
    GetModelsRequest: cataloguing.get,
    RemoveModelRequest: cataloguing.remove,
    DeviceRequest: cataloguing.device_facts,
    DeviceMemoryRequest: cataloguing.allow_memory,
}


class Engine:
    """Does what requests ask for, with the models of a catalogue on one device.

    `device` and `precision` None let Ganvas choose, `threads` None leaves the number of processor threads to torch.
    `memory_budget` is how many bytes opened models may hold together (None: a share of the device's memory). `further` are
    devices that a `DeviceRequest` tells of, for who shares a long job (None: the machine's other CUDA devices, where nobody
    chose a device); the engine itself leaves them alone. `device_memory` is how much of a graphics card's memory may be used
    (None: all). torch is imported by the first request that needs it, on the thread that runs it.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        device: str | None = None,
        precision: str | None = None,
        threads: int | None = None,
        memory_budget: int | None = None,
        further: Sequence[str] | None = None,
        device_memory: Allowance | None = None,
    ) -> None:
        self.catalogue = catalogue or Catalogue()
        self._device, self._precision, self._threads = device, precision, threads
        self._memory_budget, self._further, self._device_memory = memory_budget, further, device_memory
        self._bench: Workbench | None = None

    def run(self, request: Request) -> Iterator[Update]:
        """The updates of a request; the last one is a `Done` or a `Failure`. Closing the iterator drops the request.

        Each `next` does a bounded piece of work. Nothing is raised: what goes wrong is a `Failure`, its traceback in the log.
        `Done.seconds` counts the work alone, not what was done for others between two pieces.
        """
        worked, began = 0.0, time.perf_counter()
        job: Job[Any] | None = None
        try:
            job = JOBS[type(request)](self._workbench(), request)
            while True:
                try:
                    update = next(job)
                except StopIteration as stop:
                    ending: Update = Done(stop.value, worked + time.perf_counter() - began)
                    break
                worked += time.perf_counter() - began
                yield update
                began = time.perf_counter()
        except ModelError as error:
            logger.info("%s failed: %s", type(request).__name__, error, exc_info=True)
            ending = Failure(error.what, error.why, error.hint)
            if isinstance(error, NeedsAnswer):
                ending = replace(ending, key=error.key, choices=error.choices)
        except Exception as error:
            logger.exception("%s failed", type(request).__name__)
            ending = Failure(
                "Something went wrong that should not.",
                f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no details'}.",
                f"The details are in {log.log_file()}.",
            )
        finally:
            if job is not None:
                job.close()
        yield ending

    def _workbench(self) -> Workbench:
        if self._bench is None:
            from models import device

            device.start(self._threads)
            place = device.chosen(self._device)
            opened = OpenedModels(self._open, 0)
            bench = Workbench(self.catalogue, opened, place, self._memory_budget, self._beside())
            if self._device_memory is not None:
                bench.allow(self._device_memory)
            bench.share_memory()
            self._bench = bench
        return self._bench

    def _beside(self) -> FurtherDevices:
        names = self._further
        if names is None:
            names = () if self._device is not None else devices_named(None)[1:]
        return FurtherDevices(tuple(names), self._precision, self._threads)

    def _open(self, name: str | Mix) -> tuple[Model, int]:
        from models.opening import open_measured, open_mixed

        if isinstance(name, Mix):
            return open_mixed(name.model, name.other, name.share, self.catalogue, self._device, self._precision)
        return open_measured(name, self.catalogue, self._device, self._precision, {})
