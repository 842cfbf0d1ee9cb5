"""How near dragged points come to their targets, told by pixels and not by the features that they are followed by.

    python benchmarks/drag_points.py [--model portraits] [--drags 20] [--length 10] [--sheet sheet.png]

Each drag takes a spot of a generated face (the one with the clearest corner within 6 px of a random place in the middle) and
wants it `length` px away in a random direction, on the picture scaled to 128 px. Nobody asks whether a face could look so; many
of these drags ask for what the model has never seen. "by pixels": the 15 px patch that lay at the spot is looked for within
16 px of it by normalised correlation in the picture that came out, and its distance to the target is told; a patch that did not
move would tell `length`. "changed" is the mean difference of the pictures in grey levels (two different faces: "another").
Times are processor time of a step without its picture.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SIDE, HALF, REACH, CORNER = 128, 7, 16, 6


def picture(model: Any, ws: Any) -> Any:
    """Float32 `[SIDE, SIDE, 3]`, 0 to 255, of latents."""
    rgb = np.clip(model.synthesize(ws)[0].transpose(1, 2, 0), -1, 1)
    image = Image.fromarray(((rgb + 1) * 127.5).round().astype(np.uint8))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def corner(pixels: Any, near: Any) -> Any:
    """The pixel (x, y) within CORNER of a place around which the picture varies most in its poorer direction."""
    down, across = np.gradient(pixels.mean(2))
    best, place = -1.0, near
    for y in range(int(near[1]) - CORNER, int(near[1]) + CORNER + 1):
        for x in range(int(near[0]) - CORNER, int(near[0]) + CORNER + 1):
            a, b = (slope[y - 3 : y + 4, x - 3 : x + 4] for slope in (across, down))
            poorer = np.linalg.eigvalsh([[(a * a).sum(), (a * b).sum()], [(a * b).sum(), (b * b).sum()]])[0]
            if poorer > best:
                best, place = poorer, np.array([x + 0.5, y + 0.5])
    return place


def found(before: Any, after: Any, spot: Any) -> Any:
    """Where the patch around `spot` of one picture lies in another."""
    room = HALF + REACH
    padded = [np.pad(pixels, ((room, room), (room, room), (0, 0)), mode="edge") for pixels in (before, after)]
    x, y = int(spot[0]) + room, int(spot[1]) + room

    def patch(pixels: Any, across: int, down: int) -> Any:
        cut = pixels[y + down - HALF : y + down + HALF + 1, x + across - HALF : x + across + HALF + 1].ravel()
        cut = cut - cut.mean()
        return cut / (np.linalg.norm(cut) + 1e-6)

    wanted = patch(padded[0], 0, 0)
    moves = [(across, down) for across in range(-REACH, REACH + 1) for down in range(-REACH, REACH + 1)]
    return spot + np.array(max(moves, key=lambda move: float(wanted @ patch(padded[1], *move))))


def drag(model: Any, ws: Any, spot: Any, target: Any) -> tuple[Any, float]:
    """The last `Moved` of a drag, and the processor seconds it took."""
    from models.latents.dragging import drag_steps
    from models.steps import drain

    began = time.process_time()
    moved = drain(drag_steps(model, ws, spot[None] / SIDE, target[None] / SIDE))
    return moved, time.process_time() - began


def marked(pixels: Any, at: Any, target: Any) -> Any:
    """A picture with a handle (red) and its target (blue), for the sheet."""
    image = Image.fromarray(pixels.round().astype(np.uint8)).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for place, colour in ((target, "deepskyblue"), (at, "red")):
        draw.ellipse([*(2 * place - 4), *(2 * place + 4)], outline=colour, width=2)
    return np.asarray(image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="portraits")
    parser.add_argument("--drags", type=int, default=20)
    parser.add_argument("--length", type=float, default=10.0)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    import torch

    import models

    torch.set_num_threads(1)
    model: Any = models.open(args.model)
    draw = np.random.RandomState(5)
    rows: list[tuple[float, float, float, float, int, float, str]] = []
    sheet = []
    last = None
    for _ in range(args.drags):
        ws = model.map(model.z_of_seed(draw.randint(100_000)), psi=0.7)
        place, angle = draw.uniform(38, 90, 2) + np.array([0, 8]), draw.uniform(0, 2 * np.pi)
        before = picture(model, ws)
        spot = corner(before, place)
        target = np.clip(spot + args.length * np.array([np.cos(angle), np.sin(angle)]), 0, SIDE)
        moved, seconds = drag(model, ws, spot, target)
        after = picture(model, moved.ws)
        by_pixels = float(np.linalg.norm(found(before, after, spot) - target))
        another = float("nan") if last is None else float(np.abs(before - last).mean())
        last = before
        told, changed = float(moved.left[0]) * SIDE, float(np.abs(after - before).mean())
        rows.append((by_pixels, told, changed, another, moved.step, seconds, moved.ending))
        sheet.append(np.concatenate((marked(before, spot, target), marked(after, moved.points[0] * SIDE, target)), 1))
        print(
            f"by pixels {by_pixels:4.1f}  told {told:4.1f}  changed {changed:4.1f}  {moved.step:3d} steps  {moved.ending}",
            flush=True,
        )
    near = [row[0] for row in rows]
    print(f"{args.model}: {len(rows)} drags of {args.length:g} px at {SIDE} px")
    print(f"left, by pixels: median {statistics.median(near):.1f} px, {sum(far <= 3 for far in near)} within 3 px")
    print(f"left, as told: median {statistics.median(row[1] for row in rows):.1f} px")
    others = [row[3] for row in rows[1:]]
    print(f"changed: mean {statistics.mean(row[2] for row in rows):.1f}; another: {statistics.mean(others or [0.0]):.1f}")
    steps = sum(row[4] for row in rows)
    print(f"{steps / len(rows):.0f} steps a drag, {1000 * sum(row[5] for row in rows) / max(steps, 1):.0f} ms a step")
    print(f"ended: {', '.join(f'{sum(row[6] == end for row in rows)} {end}' for end in ('there', 'stuck', 'long'))}")
    if args.sheet and sheet:
        wide = [np.concatenate(sheet[at : at + 3], 1) for at in range(0, len(sheet) // 3 * 3, 3)]
        Image.fromarray(np.concatenate(wide or sheet)).save(args.sheet)


if __name__ == "__main__":
    main()
