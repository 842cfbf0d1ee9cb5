"""Which family a file's contents are of. A family's module is imported only when somebody asks.

To add a family: write `models/checkpoints/families/NAME.py` with an object `FAMILY` (the protocol `Family`), and name the
module here. docs/add-a-model-family.md goes through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from models.card import Card
from models.checkpoints.class_names import with_class_names
from models.checkpoints.family import Contents, Family
from models.checkpoints.reading import own_model
from models.errors import CheckpointError, OutOfMemory
from models.running import is_out_of_memory

if TYPE_CHECKING:
    import torch

# Family name, as cards bear it, to the module that knows it. Asked in this order: the narrower description comes first.
MODULES: dict[str, str] = {
    "landscapes": "models.checkpoints.families.landscapes",
    "labeller": "models.checkpoints.families.labeller",
    "mobilestylegan": "models.checkpoints.families.mobilestylegan",
    "esrgan": "models.checkpoints.families.esrgan",
    "compact": "models.checkpoints.families.compact",
    "ncnn": "models.checkpoints.families.ncnn",
    "spade": "models.checkpoints.families.spade",
    "gan-compression": "models.checkpoints.families.gan_compression",
    "pix2pix-cyclegan": "models.checkpoints.families.pix2pix",
    "srgan": "models.checkpoints.families.srgan",
    "stylegan2-ada": "models.checkpoints.families.stylegan2",
    "stylegan3": "models.checkpoints.families.stylegan3",
    "r3gan": "models.checkpoints.families.r3gan",
    "stylegan2-tf": "models.checkpoints.families.stylegan2_tf",
    "rosinality": "models.checkpoints.families.rosinality",
    "dcgan": "models.checkpoints.families.dcgan",
    "spandrel": "models.checkpoints.families.beyond",
}


def family_named(name: str) -> Family:
    """The family of this name; `CheckpointError` where this version of Ganvas does not know it."""
    if name not in MODULES:
        raise CheckpointError(
            f"The model is of the family {name!r}.", "This version of Ganvas does not know it.", "A newer version may."
        )
    family: Family = import_module(MODULES[name]).FAMILY
    return family


def families() -> Iterator[Family]:
    """All families, each imported as it is reached."""
    return map(family_named, MODULES)


def family_of(contents: Contents) -> Family:
    """The family these contents are of; `CheckpointError` says what was found where it is none."""
    for family in families():
        if family.recognises(contents):
            return family
    raise CheckpointError(
        f"{contents.name} holds no model that Ganvas knows.",
        f"It is a {contents.format} file with {_in_words(contents.tree)}.",
        "Ganvas opens StyleGAN2 and 3, R3GAN, DCGAN, SPADE, pix2pix, CycleGAN, SRGAN, ESRGAN and their kin.",
    )


def converted(contents: Contents, answers: Mapping[str, str]) -> tuple[Card, dict[str, torch.Tensor]]:
    """Card and tensors of what was read, as the catalogue stores them: a model of ours as it is, any other converted.

    `CheckpointError` says what cannot be used; `NeedsAnswer` asks what the file does not tell.
    """
    own = own_model(contents)
    if own is not None:
        return own
    family = family_of(contents)
    try:
        card, tensors = family.convert(contents, answers)
        return with_class_names(card, contents.name, contents.siblings), tensors
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(f"There is no memory left to read {contents.name}.") from error
        raise CheckpointError(
            f"{contents.name} looks like a model of {family.title}, but does not fit together.",
            f"Reading it ended in {type(error).__name__}: {str(error)[:120]}.",
        ) from error


def _in_words(tree: object) -> str:
    """What stands at the top of the tree, in a few words; never longer than a line."""
    if isinstance(tree, dict):
        names = [str(key)[:40] for key in list(tree)[:4]]
        return f"{len(tree)} entries" + (f" ({', '.join(names)}{', ...' if len(tree) > 4 else ''})" if names else "")
    if isinstance(tree, (list, tuple)):
        return f"a list of {len(tree)} things"
    label = getattr(tree, "label", None)
    return f"one object of {label}" if isinstance(label, str) else f"one {type(tree).__name__}"
