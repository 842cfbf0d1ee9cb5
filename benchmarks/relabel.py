"""How well the landscape painter shows what was asked: its pictures of held-out maps, labelled by a network.

    python benchmarks/relabel.py DATA [--model landscapes] [--limit 60]

DATA is a folder of photos with maps (docs/training.md). Each held-out map is painted with the look of its own photo. "photos"
is what the labeller makes of the photos themselves (it errs on them too), "nearest photos" of training photos with similar
shares of labels, laid over the map (the floor). The maps are automatic ones for the most part: agreement, not truth.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="landscapes")
    parser.add_argument("--labeller", default="labeller")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--cache", type=Path, help="where decoded photos are kept (default: a folder that is removed)")
    args = parser.parse_args()

    import numpy as np

    import models
    from models.training.labelled import read_labelled
    from models.training.labelling import channels_of
    from models.training.measuring import painter_ids
    from models.training.metrics import relabelled

    painter, labeller = models.open(args.model, device="cpu"), models.open(args.labeller, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        data = read_labelled(args.data, args.cache or Path(folder))
        ids = painter_ids(painter, [label.name for label in data.labels])
        found = relabelled(
            data,
            256,
            lambda numbers, photo, seed: painter.paint(ids[numbers], np.array(photo), seed),
            channels_of(labeller, data.labels),
            args.limit,
        )
    names = list(found)
    print(f"{'':<12}" + "".join(f"{name:>16}" for name in names))
    print(f"{'all pixels':<12}" + "".join(f"{found[name].pixels:16.3f}" for name in names))
    print(f"{'mean label':<12}" + "".join(f"{found[name].mean_label:16.3f}" for name in names))
    for k, label in enumerate(data.labels):
        print(f"{label.name:<12}" + "".join(f"{found[name].of_label[k]:16.3f}" for name in names))
    print(f"painted against photos: {found['painted'].pixels / found['photos'].pixels:.2f}")


if __name__ == "__main__":
    main()
