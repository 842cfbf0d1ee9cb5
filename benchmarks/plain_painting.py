"""The plain recipe for landscapes, beside ours: how good is it after the same processor time, on the same photos?

    python benchmarks/plain_painting.py DATA --out DIR --minutes 25 [--open-only] [--beside RUN] [--wheels DIR]

Plain is what GauGAN was trained by (Park et al., arXiv 1903.07291): a SPADE generator with spectral norms and a style that an
encoder reads off the photo, two PatchGANs that see map and picture at two scales, hinge loss, their features matched (x10),
features of a VGG16 matched (x10), divergence (x0.05), Adam at 1e-4 and 4e-4. It has the size of our generator (some 3 million
parameters), our data, batches, precision and averaged weights, and no augmentation but mirror and crop. Training counts
processor seconds; it stops on SIGTERM and goes on when the command is given again.

With --beside, a run of `ganvas train painting` (its folder or its state.safetensors) stands in the same table: FID, KID, labels
found again by the labeller, on held-out maps painted with their photos' looks; `beside.png` in DIR shows map, photo, both.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm  # noqa: E402

import models  # noqa: E402
from models.labelling import LabellingModel  # noqa: E402
from models.networks.spade import SPADEBlock, SPADEConfig, SPADEGenerator  # noqa: E402
from models.training import sheets  # noqa: E402
from models.training.distributions import apart  # noqa: E402
from models.training.inception import Inception, open_inception  # noqa: E402
from models.training.jobs import Place  # noqa: E402
from models.training.labelled import LabelledPhotos, read_labelled, square  # noqa: E402
from models.training.labelling import channels_of  # noqa: E402
from models.training.loop import Schedule, train  # noqa: E402
from models.training.lpips import LPIPS, open_lpips  # noqa: E402
from models.training.metrics import Say, agreement_of, nearest_photos  # noqa: E402
from models.training.painting import PaintingOptions, PaintingRun, to_shares, to_tensor  # noqa: E402
from models.training.resuming import ResumableRun, begun_state, follow, options_of, placed, state_of  # noqa: E402
from models.training.state import State  # noqa: E402
from models.training.trunk import read_trunk  # noqa: E402

Pixels = NDArray[np.uint8]
STYLE, WIDTH, HIDDEN = 32, 12, 24  # numbers of a style; SPADE's width (ngf), hidden channels of its norms
PATCH = 32  # channels of a PatchGAN's first layer
SLOPE = 0.2


class Encoder(nn.Module):
    """A photo to mean and log variance of its style, by five convolutions that halve it."""

    def __init__(self, side: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 128, 128)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1] * (side // 32) ** 2, 2 * STYLE)

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        x = photo
        for layer in self.layers:
            x = F.leaky_relu(F.instance_norm(layer(x)), SLOPE)
        mean, log_variance = self.last(x.flatten(1)).float().chunk(2, 1)
        return mean, log_variance.clamp(-6, 6)


class PatchGAN(nn.Module):
    """Map and picture to what is thought of each patch; gives back the features of all layers, the verdict last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, PATCH, 2 * PATCH, 4 * PATCH, 8 * PATCH)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 4, 1 if i == 3 else 2, 2) if i == 0 else spectral_norm(nn.Conv2d(a, b, 4, 1 if i == 3 else 2, 2))
            for i, (a, b) in enumerate(pairwise(widths))
        )
        self.verdict = nn.Conv2d(widths[-1], 1, 4, 1, 2)

    def forward(self, x: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            x = F.leaky_relu(F.instance_norm(x) if i else x, SLOPE)
            found.append(x)
        return [*found, self.verdict(x)]


class PlainRun(ResumableRun):
    """The plain recipe as a run of the kit."""

    options: PaintingOptions

    def __init__(
        self, data: LabelledPhotos, judge: LPIPS, options: PaintingOptions, device: torch.device, bfloat16: bool
    ) -> None:
        torch.manual_seed(options.seed)
        self.data, self.options, self.device, self.bfloat16 = data, options, device, bfloat16
        labels, start = len(data.labels), options.size // 32
        self.config = SPADEConfig(labels, WIDTH, HIDDEN, 3, 5, STYLE, (start, start), batch=False)
        generator = SPADEGenerator(self.config)
        for layer in generator.modules():  # it is made for numbers that come from a file
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for block in generator.children():
            if isinstance(block, SPADEBlock):
                for name in ("conv_0", "conv_1", *(("conv_s",) if block.bends else ())):
                    spectral_norm(getattr(block, name))
        self.generator: SPADEGenerator = placed(generator, device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.encoder = Encoder(options.size).to(device)
        self.critics = nn.ModuleList(placed(PatchGAN(labels + 3), device) for _ in range(2))
        self.judge = placed(judge, device)
        own = [*self.generator.parameters(), *self.encoder.parameters()]
        self.generator_optimiser = torch.optim.Adam(own, 1e-4, betas=(0.0, 0.9))
        self.critic_optimiser = torch.optim.Adam(self.critics.parameters(), 4e-4, betas=(0.0, 0.9))
        self.seen, self.seconds, self._began = 0, 0.0, time.process_time()
        self.random = np.random.default_rng(options.seed)

    def step(self) -> dict[str, float]:
        with self.autocast():
            return self._step()

    def _step(self) -> dict[str, float]:
        photos, shares = self._batch()
        mean, log_variance = self.encoder(photos)
        made = self.generator(shares, mean + torch.randn_like(mean) * (0.5 * log_variance).exp())

        real = self._judged(shares, photos)
        fake = self._judged(shares, made.detach())
        verdicts = [(r[-1].float(), f[-1].float()) for r, f in zip(real, fake, strict=True)]
        critic = torch.stack([F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in verdicts]).mean()
        self.critic_optimiser.zero_grad()
        critic.backward()
        self.critic_optimiser.step()

        self.critics.requires_grad_(False)
        with torch.no_grad():
            real = self._judged(shares, photos)
        fake = self._judged(shares, made)
        fooled = -torch.stack([f[-1].float().mean() for f in fake]).mean()
        layers = [pair for r, f in zip(real, fake, strict=True) for pair in zip(f[:-1], r[:-1], strict=True)]
        matched = torch.stack([F.l1_loss(a.float(), b.float()) for a, b in layers]).sum() / len(fake)
        seen = self._vgg(photos, made)
        divergence = (-0.5 * (1 + log_variance - mean * mean - log_variance.exp())).sum(1).mean()
        self.generator_optimiser.zero_grad()
        (fooled + 10 * matched + 10 * seen + 0.05 * divergence).backward()
        self.generator_optimiser.step()
        self.critics.requires_grad_(True)
        follow(self.averaged, self.generator, self.options.average, self.seen, slow=2000)
        with torch.no_grad():  # the vectors that spectral norms go on with
            for one, other in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
                one.copy_(other)
        self.seen += len(photos)
        figures = {"critic": critic, "fooled": fooled, "matched": matched, "vgg": seen, "divergence": divergence}
        return {name: float(value.detach()) for name, value in figures.items()}

    def _judged(self, shares: Tensor, pictures: Tensor) -> list[list[Tensor]]:
        x = torch.cat([shares, pictures.to(shares.dtype)], 1)
        return [critic(x if i == 0 else F.avg_pool2d(x, 2)) for i, critic in enumerate(self.critics)]

    def _vgg(self, photos: Tensor, made: Tensor) -> Tensor:
        """Mean differences of what stands at the end of each slice, the coarse ones weighing most, as GauGAN has them."""
        with torch.no_grad():
            wanted = self.judge.slices_of(photos)
        parts = [F.l1_loss(a.float(), b.float()) for a, b in zip(self.judge.slices_of(made), wanted, strict=True)]
        return torch.stack([part / 2**k for part, k in zip(parts, (5, 4, 3, 2, 0), strict=True)]).sum()

    def _batch(self) -> tuple[Tensor, Tensor]:
        chosen = self.random.choice(len(self.data.train), self.options.batch)
        pairs = []
        for at in chosen:
            i = self.data.train[int(at)]
            pairs.append(square(self.data.photos[i], self.data.maps[i], self.options.size, self.random, zoom=0.82))
        dtype = torch.bfloat16 if self.bfloat16 else torch.float32
        shares = to_shares(np.stack([m for _, m in pairs]), len(self.data.labels), 1, self.device, dtype)
        return to_tensor([p for p, _ in pairs], self.device), shares.contiguous(memory_format=torch.channels_last)

    def paint(self, numbers: Pixels, photo: Pixels) -> Pixels:
        """The picture of a map of channel numbers in the look of a photo."""
        with torch.no_grad(), self.autocast():
            shares = to_shares(np.array(numbers)[None], len(self.data.labels), 1, self.device, torch.float32)
            return sheets.as_pictures(self.averaged(shares, self.encoder(to_tensor([photo], self.device))[0]))[0]

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "averaged": self.averaged, "encoder": self.encoder, "critics": self.critics}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generator": self.generator_optimiser, "critic": self.critic_optimiser}

    def used(self) -> float:
        """Processor seconds that training took so far, earlier commands included."""
        return self.seconds + time.process_time() - self._began

    def state(self) -> State:
        return {**super().state(), "seconds": self.used()}

    def restore(self, state: State) -> None:
        super().restore(state)
        self.seconds, self._began = float(state["seconds"]), time.process_time()


def main() -> None:
    """Train, then print the table and write the sheet where a run stands beside."""
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    data = read_labelled(args.data, args.cache or args.out / "cache", args.open_only)
    device, bfloat16 = Place(args.device, None, args.threads).chosen()
    state = begun_state(args.out)
    options = PaintingOptions(size=args.size, batch=args.batch)
    options = options if state is None else options_of(PaintingOptions, state, args.out)
    run = PlainRun(data, open_lpips(wheels=args.wheels), options, device, bfloat16)
    if state is not None:
        run.restore(state)
    parameters = sum(p.numel() for p in run.generator.parameters())
    print(
        f"{len(data.train)} photos, {parameters / 1e6:.2f} million parameters, {run.seen} pictures in {run.used():.0f} s",
        flush=True,
    )
    if run.used() < 60 * args.minutes:
        for report in train(run, args.out, Schedule(pictures=1 << 40, log_every=10)):
            figures = " ".join(f"{name} {value:.3g}" for name, value in report.figures.items())
            print(f"{report.seen} pictures, {run.used():.0f} s: {figures}", flush=True)
            if run.used() >= 60 * args.minutes:
                break
    if args.beside is None:
        return
    other = state_of(args.beside)
    ours = PaintingRun(data, read_trunk(), options_of(PaintingOptions, other, args.beside), device, bfloat16)
    ours.restore(other)

    def paint_ours(numbers: Pixels, photo: Pixels) -> Pixels:
        shares = to_shares(np.array(numbers)[None], len(data.labels), 1, device, torch.float32)
        return sheets.as_pictures(sheets.painted(ours, shares, ours.look_of(to_tensor([photo], device))[0]))[0]

    labeller = models.open(args.labeller, device=str(device))
    assert isinstance(labeller, LabellingModel)
    inception = open_inception(device, wheels=args.wheels)
    held = list(data.held_out[: args.limit])
    sheet = compare(
        data, options.size, {"ours": paint_ours, "plain": run.paint}, held, inception, channels_of(labeller, data.labels)
    )
    Image.fromarray(sheet).save(args.out / "beside.png")


def compare(
    data: LabelledPhotos,
    side: int,
    ways: dict[str, Callable[[Pixels, Pixels], Pixels]],
    held: list[int],
    inception: Inception,
    say: Say,
) -> Pixels:
    """Print the table of these ways to paint on the maps of held-out photos; gives back a sheet of some of them."""
    left_out = set(nearest_photos(data, held))
    reference = [i for i in data.train if i not in left_out][:500]
    pairs = [square(data.photos[i], data.maps[i], side) for i in held]
    maps = [numbers for _, numbers in pairs]
    known = inception.of_all(square(data.photos[i], data.maps[i], side)[0] for i in reference)
    columns = {"photos": [photo for photo, _ in pairs]}
    columns |= {name: [paint(numbers, photo) for photo, numbers in pairs] for name, paint in ways.items()}
    print(f"{len(held)} held-out maps at {side} px, {len(reference)} training photos as reference; photos are the floor")
    print(f"{'':<10}{'FID':>8}{'KIDx1000':>10}{'precision':>11}{'recall':>8}{'labels':>8}{'mean label':>12}")
    for name, pictures in columns.items():
        far = apart(known, inception.of_all(iter(pictures)))
        agreed = agreement_of(zip(pictures, maps, strict=True), say, len(data.labels))
        figures = (
            f"{far.fid:8.1f}{far.kid:10.2f}{far.precision:11.3f}{far.recall:8.3f}{agreed.pixels:8.3f}{agreed.mean_label:12.3f}"
        )
        print(f"{name:<10}{figures}", flush=True)
    shown = sheets.spread(range(len(held)), 12)
    rows = [[sheets.coloured(maps[k], data.labels), *(made[k] for made in columns.values())] for k in shown]
    return sheets.in_two_columns([np.concatenate(row, 1) for row in rows])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the plain run lives")
    parser.add_argument("--minutes", type=float, default=25.0, help="of processor time to train it for (default: 25)")
    parser.add_argument("--open-only", action="store_true", help="train on photos of licence class open alone")
    parser.add_argument("--beside", type=Path, help="a run of `ganvas train painting`, or its state: compare")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--limit", type=int, default=120, help="held-out maps to compare on (default: 120)")
    parser.add_argument("--labeller", default="labeller")
    parser.add_argument("--cache", type=Path, help="where decoded photos are kept (default: in DIR)")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels that VGG and Inception are read from")
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
