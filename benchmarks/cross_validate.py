"""How well the labelling recipe names what is on photos, held against the few maps that people made.

    python benchmarks/cross_validate.py DATA [--folds 3] [--pictures 8000] [--cache FOLDER]

DATA is a folder of photos with maps whose index.csv says in the column `labels` which maps are "human". These are dealt into
folds; for each fold a labeller is trained from the beginning on everything but its photos (the automatic maps of the split
`val` stay out too), and says what is on them. People drew the coarse regions alone; the finer label within a region was chosen
by a network, so agreement within groups of labels is the figure that people stand behind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# What a person drew as one region (SOURCE.md of the data).
GROUPS = (
    ("sky", "cloud"),
    ("tree", "bush"),
    ("mountain", "hill", "rock", "snow"),
    ("path", "ground", "sand"),
    ("grass", "flower"),
    ("water", "sea", "waterfall"),
    ("building", "structure"),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=8000, help="squares that each labeller sees")
    parser.add_argument("--cache", type=Path, help="where decoded photos are kept (default: a folder that is removed)")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()

    import numpy as np

    from models.training.jobs import Place
    from models.training.labelled import read_labelled, square
    from models.training.labelling import LabellingOptions, LabellingRun
    from models.training.metrics import agreement, confusion
    from models.training.trunk import read_trunk

    device, bfloat16 = Place(threads=args.threads).chosen()
    with tempfile.TemporaryDirectory() as folder:
        data = read_labelled(args.data, args.cache or Path(folder))
        names = [label.name for label in data.labels]
        group_of = np.array([next(g for g, group in enumerate(GROUPS) if name in group) for name in names])
        by_hand = np.random.default_rng(0).permutation(sorted(data.by_hand))
        fine, coarse = (np.zeros((n, n), np.int64) for n in (len(names), len(GROUPS)))
        of_photo = []
        for fold in range(args.folds):
            tested = [int(i) for i in by_hand[fold :: args.folds]]
            taught = (set(data.train) | data.by_hand) - set(tested)
            without = replace(data, train=tuple(sorted(taught)), held_out=tuple(tested))
            run = LabellingRun(without, read_trunk(), LabellingOptions(pictures=args.pictures, seed=fold), device, bfloat16)
            while run.seen < args.pictures:
                run.step()
            for i in tested:
                photo, numbers = square(data.photos[i], data.maps[i], run.options.size)
                said = run.says(photo)
                fine += confusion(numbers, said, len(names))
                coarse += confusion(group_of[numbers], group_of[said], len(GROUPS))
                of_photo.append(float((group_of[numbers] == group_of[said]).mean()))
            print(f"fold {fold + 1} of {args.folds}: {len(tested)} photos, groups {np.mean(of_photo[-len(tested) :]):.3f}")
    print(f"\n{len(of_photo)} maps that people made, {args.folds} labellers of {args.pictures} squares each")
    error = np.std(of_photo, ddof=1) / len(of_photo) ** 0.5
    print(f"{'groups of labels':<24} {agreement(coarse).pixels:.3f} (standard error over photos {error:.3f})")
    print(f"{'all labels':<24} {agreement(fine).pixels:.3f}")
    for group, right, there in zip(GROUPS, agreement(coarse).of_label, coarse.sum(1) / max(1, coarse.sum()), strict=True):
        print(f"  {', '.join(group):<28} {right:.3f} of {there:.1%} of the pixels")


if __name__ == "__main__":
    main()
