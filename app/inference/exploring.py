"""A request for a face (or whatever a latent model makes): seeds, truncation, mixing and directions to one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.inference.requests import GenerateRequest
from app.inference.updates import Frame, Generated
from app.inference.workbench import Job, Workbench, timed
from models.errors import BadInput

if TYPE_CHECKING:
    from models.latent import LatentModel


def generate(bench: Workbench, request: GenerateRequest) -> Job[Generated]:
    """See `GenerateRequest`."""
    from models.latent import LatentModel

    model = bench.opened(request.model, LatentModel, "make pictures from seeds", "Explore")
    ws = latents(model, request)
    size = _size(bench, model, request)
    picture, spent = yield from bench.with_room(
        request.model, lambda: timed(model.picture_steps(ws, request.noise, request.noise_seed, size))
    )
    bench.speeds.note(request.model, size, spent)
    upscaler = request.enlarge_with if size == model.resolution else None
    if upscaler is not None and request.deadline_ms is None:
        from models.upscaling import UpscalingModel

        enlarger = bench.opened(upscaler, UpscalingModel, "enlarge photos", "Upscale")
        picture, more = yield from timed(enlarger.upscale_steps(picture))
        spent, upscaler = spent + more, None
    yield Frame(picture, size, spent, final=size == model.resolution and upscaler is None, estimate=size < model.resolution)
    return Generated(picture, ws, size, spent)


def latents(model: LatentModel, request: GenerateRequest) -> NDArray[np.float32]:
    """`ws [1, num_ws, w_dim]` of a request: blended, truncated, mixed, moved along directions."""
    if request.ws is not None:
        ws = np.array(request.ws, np.float32)
        if ws.shape != (1, model.num_ws, model.w_dim):
            raise BadInput(
                f"These latents do not fit {model.card.title}.",
                f"It takes {[1, model.num_ws, model.w_dim]}, they are {list(ws.shape)}.",
            )
        if request.ws_psi is not None:
            ws = model.average + (request.psi / request.ws_psi) * (ws - model.average)
    else:
        ws = _blended(model, request)
    if request.mix_seed is not None and request.mix_layers:
        layers = [layer for layer in request.mix_layers if 0 <= layer < model.num_ws]
        other = model.map(model.z_of_seed(request.mix_seed), request.label, request.psi, request.cutoff)
        ws[:, layers] = other[:, layers]
    sigmas: dict[str, float] = {}
    for name, amount in request.directions:
        sigmas[name] = sigmas.get(name, 0.0) + amount
    return model.edit(ws, sigmas) if sigmas else ws


def _blended(model: LatentModel, request: GenerateRequest) -> NDArray[np.float32]:
    seeds, weights = [seed for seed, _ in request.seeds], np.array([weight for _, weight in request.seeds], np.float32)
    if not seeds or not math.isclose(float(weights.sum()), 1.0, abs_tol=1e-3):
        raise BadInput("The weights of the seeds must sum to 1.", f"They sum to {float(weights.sum()):.3g}.")
    # Truncation is affine and the weights sum to 1, so blending truncated latents is truncating blended ones.
    each = model.map(np.concatenate([model.z_of_seed(seed) for seed in seeds]), request.label, request.psi, request.cutoff)
    blended: NDArray[np.float32] = np.einsum("n,nlw->lw", weights, each)[None].astype(np.float32)
    return blended


def _size(bench: Workbench, model: LatentModel, request: GenerateRequest) -> int:
    sizes = sorted({*model.previews, model.resolution})
    if request.resolution is not None:
        wanted = max(1, request.resolution)
        sizes = [min(sizes, key=lambda size: abs(math.log(size / wanted)))]
    if request.deadline_ms is None:
        return sizes[-1]
    return bench.speeds.largest(request.model, sizes, request.deadline_ms)
