"""Hands on a Ray cluster that stands already (extra `ray`): workers compute, this process alone writes results and journal.

A connection is opened because a person named the cluster's address, and for nothing else: Ray's report of its use is off.
Photos travel as bytes through Ray's object store, or through a folder that this machine and all workers see, where one is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import queue
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import log
from app.inference.requests import Mix, Request, TranslateRequest, UpscaleRequest
from app.inference.updates import Done, Failure, Tile
from app.upscale.hands import Heard, Lost
from models.errors import ModelError
from models.extras import how_to_add

if TYPE_CHECKING:
    from models.catalogue import Entry

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 15.0  # for the cluster's first machine to be heard of
CHECK_SECONDS = 120.0  # for a worker to start, import torch and say what it is


@dataclass(frozen=True)
class Versions:
    """What a worker runs on, and what it knows each of the models as ("": it has none of that name, or at that path)."""

    host: str
    python: str
    torch: str
    ganvas: str
    sha256: tuple[str, ...]


def versions(names: Sequence[str]) -> Versions:
    """Those of this process; `names` are names or paths of the models that are asked for."""
    from models.catalogue import Catalogue

    catalogue = Catalogue()
    python = ".".join(platform.python_version_tuple()[:2])
    found = [metadata.version(name) if _is_there(name) else "not installed" for name in ("torch", "ganvas")]
    sums = tuple(_sum(entry) if (entry := catalogue.find(name)) else _sum_of_file(Path(name)) for name in names)
    return Versions(platform.node(), python, found[0].partition("+")[0], found[1], sums)


def _sum(entry: Entry) -> str:
    """What tells a model from another of its name; the cards of those that come along name no file that they were made of."""
    if entry.card.sha256:
        return entry.card.sha256
    with entry.weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sum_of_file(path: Path) -> str:
    """What tells the model in a file from another that lies at the same place of another machine."""
    from models.opening import sha256_of_weights

    try:
        return sha256_of_weights(path) if path.exists() else ""
    except (ModelError, OSError):
        return ""


def _is_there(name: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(name))
    return False


def unfit(theirs: Versions, mine: Versions, names: Sequence[str]) -> str:
    """Why a worker cannot be used with these models; empty where it can. Another torch is no reason."""
    if theirs.python != mine.python:
        return f"it runs Python {theirs.python}, this machine {mine.python}"
    if theirs.ganvas != mine.ganvas:
        return f"it has Ganvas {theirs.ganvas}, this machine {mine.ganvas}"
    for name, known, own in zip(names, theirs.sha256, mine.sha256, strict=True):
        if known != own:
            place = "called" if os.path.basename(name) == name else "at"
            return f"it has {'another' if known else 'no'} model {place} {name}"
    return ""


class Worker:
    """Lives in a process of the cluster. Every method is one remote call."""

    def __init__(self, threads: int) -> None:
        from app.inference.engine import Engine

        self._engine = Engine(threads=threads)

    def look(self, names: Sequence[str]) -> Versions:
        """What this worker is."""
        return versions(names)

    def process(self) -> int:
        """The system's number of this worker's process."""
        return os.getpid()

    def run(self, request: Request, path: str = "") -> Done | Failure:
        """Run a request to its end. `path` names an .npy file with the pixels; the result is then written beside it."""
        if path and isinstance(request, UpscaleRequest | TranslateRequest):
            request = replace(request, pixels=np.load(path, allow_pickle=False))
        if isinstance(request, UpscaleRequest):
            request = replace(request, keep_result=True)
        for update in self._engine.run(request):
            if isinstance(update, Failure):
                return update
            if isinstance(update, Done):
                if not path:
                    return update
                np.save(made_at(path), update.result, allow_pickle=False)
                return replace(update, result=None)
        raise RuntimeError("the engine ended without saying how")


def made_at(path: str) -> str:
    """Where the result lies of pixels that lie in `path`."""
    return f"{path}.made.npy"


class RayHand:
    """One worker of the cluster."""

    holds = 1

    def __init__(self, name: str, ray: Any, actor: Any, shared: Path | None, heard: Heard) -> None:
        self.name, self._ray, self._actor, self._shared, self._heard = name, ray, actor, shared, heard
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def begin(self, request: Request) -> None:
        """See `app.upscale.hands.Hand`."""
        self._requests.put(request)

    def hold(self, held: bool) -> None:
        """See `app.upscale.hands.Hand`. What comes of a photo comes at once: there is nothing between to wait at."""

    def close(self) -> None:
        """See `app.upscale.hands.Hand`."""
        self._requests.put(None)
        with contextlib.suppress(Exception):  # whatever state the cluster is in, this worker is not wanted any more
            self._ray.kill(self._actor)
        self._thread.join()

    def _serve(self) -> None:
        while (request := self._requests.get()) is not None:
            began = time.perf_counter()
            try:
                ending, pixels = self._run(request)
            except Exception as error:  # Ray's own, a folder that is gone, a result that is cut off, no memory for it
                logger.exception("%s", self.name)
                self._heard(self, Lost(f"{type(error).__name__}, see {log.log_file()}"))
                return
            if pixels is not None:
                self._heard(self, Tile(pixels, 0, 0))
            self._heard(self, ending if isinstance(ending, Failure) else Done(ending.result, time.perf_counter() - began))

    def _run(self, request: Request) -> tuple[Done | Failure, NDArray[Any] | None]:
        """What came of it, and for an enlarged picture its pixels, which the belt takes as one tile."""
        if not isinstance(request, UpscaleRequest | TranslateRequest):
            return self._ray.get(self._actor.run.remote(request)), None
        if self._shared is None:
            ending = self._ray.get(self._actor.run.remote(request))
        else:
            with TemporaryDirectory(prefix=".ganvas-ray-", dir=self._shared) as folder:
                path = str(Path(folder) / "photo.npy")
                np.save(path, request.pixels, allow_pickle=False)
                nothing = replace(request, pixels=np.zeros((1, 1, 3), np.uint8))
                ending = self._ray.get(self._actor.run.remote(nothing, path))
                if isinstance(ending, Done):
                    ending = replace(ending, result=np.load(made_at(path), allow_pickle=False))
        if isinstance(ending, Failure) or isinstance(request, TranslateRequest):
            return ending, None
        return replace(ending, result=None), ending.result


@dataclass(frozen=True)
class Cluster:
    """The workers of a cluster, and sentences about what they are or why some are not used."""

    hands: Sequence[RayHand]
    said: Sequence[str]


def connect(address: str, network: str | Mix, workers: int | None, shared: Path | None, heard: Heard) -> Cluster | Failure:
    """Start workers on the cluster at `address`: one for each GPU it has, else one for each machine, or so many as are named."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError:
        return Failure("A Ray cluster needs the package ray.", hint=how_to_add("ray"))
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return Failure(f"There is no Ray cluster at {address}.", f"{reason.rstrip('.')}.", "Start one, or look at the address.")
    try:
        found = _hired(ray, network, workers, shared, heard)
    except BaseException:
        disconnect()
        raise
    if isinstance(found, Failure):
        disconnect()
    return found


def _knock(address: str) -> None:
    """`ConnectionError` where an address with a port answers nobody: Ray itself goes on asking for minutes, and hears nothing."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit() and int(port) < 1 << 16):
        return  # "auto", or what Ray itself refuses
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from error


def _hired(ray: Any, network: str | Mix, workers: int | None, shared: Path | None, heard: Heard) -> Cluster | Failure:
    resources = ray.cluster_resources()
    graphics, processors = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    machines = sum(bool(node["Alive"]) for node in ray.nodes())
    count = workers or graphics or machines
    each = max(1, processors // count)
    kind = ray.remote(num_cpus=min(each, processors), num_gpus=1 if graphics >= count else 0, scheduling_strategy="SPREAD")(
        Worker
    )
    actors = [kind.remote(each) for _ in range(count)]
    names = (network.model, network.other) if isinstance(network, Mix) else (network,)
    mine = versions(names)
    hands: list[RayHand] = []
    said: list[str] = []
    for number, actor in enumerate(actors, 1):
        name = f"Ray worker {number}"
        try:
            theirs: Versions = ray.get(actor.look.remote(names), timeout=CHECK_SECONDS)
            why = unfit(theirs, mine, names)
        except Exception as error:
            why = f"it did not start ({type(error).__name__})"
        if why:
            said.append(f"{name} is not used: {why}.")
            with contextlib.suppress(Exception):
                ray.kill(actor)
            continue
        said.append(f"{name} on {theirs.host}: Python {theirs.python}, torch {theirs.torch}, Ganvas {theirs.ganvas}.")
        hands.append(RayHand(name, ray, actor, shared, heard))
    if not hands:
        return Failure("No worker of the cluster can be used.", " ".join(said))
    return Cluster(hands, said)


def disconnect() -> None:
    """Let go of the cluster; it goes on without us."""
    import ray

    ray.shutdown()
