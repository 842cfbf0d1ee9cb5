"""Named directions for a generator from pictures whose attributes are known, written beside the model; prints what they do.

    python benchmarks/directions.py DATA FOLDER [--samples 1500]

DATA holds portraits and index.csv (docs/training.md), FOLDER a model as `ganvas train latent --export` writes it. The table says
what two steps along each direction do to each attribute, in deviations over the model's pictures; the lines below it, how many
times as far from real pictures each step leads as none. Look at both ends of each slider then: where pictures are hazy, bring
its `low` or `high` in directions.json nearer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Find, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=1500)
    parser.add_argument("--cache", type=Path, help="where decoded pictures are kept (default: a folder that is removed)")
    args = parser.parse_args()

    from models.training.direction_jobs import finders_of, generator_in, name_directions, reader_of, write_directions
    from models.training.latent_directions import table
    from models.training.portrait_attributes import ATTRIBUTES
    from models.training.source import Source
    from models.training.squares import read_squares

    model = generator_in(args.folder)
    with tempfile.TemporaryDirectory() as folder:
        data = read_squares(args.data, args.cache or Path(folder), model.resolution)
        reader = reader_of(data, Source(args.data), ATTRIBUTES)
        finders = finders_of(data, Source(args.data), ATTRIBUTES)
    print("read from held-out pictures, correlation with the truth:")
    print("  ".join(f"{a.name} {r:.2f}" for a, r in zip(ATTRIBUTES, reader.held_out, strict=True)))
    named = name_directions(model, reader, finders, data, ATTRIBUTES, args.samples)
    print(table(named.found, [a.name for a in ATTRIBUTES]))
    for k, tried in named.farther.items():
        print(f"{ATTRIBUTES[k].name:<12}" + "  ".join(f"{sigmas:+.1f} {far:.2f}" for sigmas, far in tried.items()))
    write_directions(args.folder, named)


if __name__ == "__main__":
    main()
