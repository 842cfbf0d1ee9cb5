"""Requests about models: what is this file, add it, fetch it, remove it, what can it do, and on what is computed here?"""

from __future__ import annotations

from dataclasses import replace

from app.inference.errands import errand
from app.inference.requests import (
    AddModelRequest,
    DescribeRequest,
    DeviceFacts,
    DeviceMemoryRequest,
    DeviceRequest,
    DirectionFacts,
    GetModelsRequest,
    InspectRequest,
    ModelFacts,
    RemoveModelRequest,
)
from app.inference.updates import Progress, Step
from app.inference.workbench import Job, Workbench
from models.card import Card


def inspect(bench: Workbench, request: InspectRequest) -> Job[list[Card]]:
    """See `InspectRequest`."""
    from models.adding import inspect as look_into

    return (yield from errand(lambda report: look_into(request.path)))


def add(bench: Workbench, request: AddModelRequest) -> Job[list[str]]:
    """See `AddModelRequest`."""
    return (yield from errand(lambda report: bench.catalogue.add(request.path, request.answers, report, request.refer)))


def get(bench: Workbench, request: GetModelsRequest) -> Job[list[str]]:
    """See `GetModelsRequest`."""
    from models.getting import get as fetch

    return (yield from errand(lambda report: fetch(bench.catalogue, request.names, report)))


def remove(bench: Workbench, request: RemoveModelRequest) -> Job[str]:
    """See `RemoveModelRequest`."""
    yield Step()
    bench.models.forget(request.name)  # first: Windows removes no file that an opened model is mapped from
    bench.catalogue.remove(request.name)
    return request.name


def device_facts(bench: Workbench, request: DeviceRequest) -> Job[DeviceFacts]:
    """See `DeviceRequest`."""
    from models import device

    yield Step()
    place = bench.device
    whole, free = device.total(place), device.memory(place).free
    return DeviceFacts(place, device.name(place), whole, free, bench.further, device.allowed(place))


def allow_memory(bench: Workbench, request: DeviceMemoryRequest) -> Job[DeviceFacts]:
    """See `DeviceMemoryRequest`."""
    bench.allow(request.allowance)
    return (yield from device_facts(bench, DeviceRequest()))


def describe(bench: Workbench, request: DescribeRequest) -> Job[ModelFacts]:
    """See `DescribeRequest`."""
    yield Progress(0, 1, "opening the model")
    model = bench.models.get(request.model)
    facts = ModelFacts(
        request.model if isinstance(request.model, str) else request.model.model,
        resolution=model.card.resolution,
        scale=model.card.scale,
        device=str(model.runtime.device),
        precision=model.runtime.precision,
    )
    from models.latent import LatentModel
    from models.latents.gradients import has_way_in
    from models.painting import PaintingModel

    if isinstance(model, PaintingModel):
        return replace(facts, style_dim=model.style_dim)
    if isinstance(model, LatentModel):
        gradients = has_way_in(model)
        return replace(
            facts,
            num_ws=model.num_ws,
            w_dim=model.w_dim,
            classes=model.classes,
            resolution=model.resolution,
            previews=tuple(model.previews),
            layer_sizes=tuple(model.layer_sizes),
            noisy=model.noisy,
            class_names=tuple(label.name for label in model.card.labels),
            directions=tuple(DirectionFacts(d.name, d.title, d.remark, d.low, d.high) for d in model.directions),
            draggable=gradients,
            projectable=gradients,
        )
    return facts
