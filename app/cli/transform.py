"""`ganvas transform`: photos translated as a whole by a pix2pix or CycleGAN model, through the queue of `ganvas upscale`."""

from __future__ import annotations

import argparse

from app.cli import upscale

HELP = "translate photos: sketch to photo, horse to zebra, day to night"
EXAMPLES = """\
  ganvas transform horse.jpg --model horse2zebra --out zebras/
  ganvas transform sketches/ --model edges2photo.pth --recursive --out photos/ --format png
  ganvas transform street.jpg --model day2night --strength 0.6 --out night/"""

TEMPLATE = "{name}_{model}"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the sub-command."""
    parser.add_argument("--model", required=True, metavar="M", help="a model of the group Transform: catalogue name or file")
    upscale.configure_files(parser, TEMPLATE)


def run(args: argparse.Namespace) -> int:
    """As `ganvas upscale` does it, in the photos' own size."""
    args.scale = args.to = None
    return upscale.run(args, "translation")
