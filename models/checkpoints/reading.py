"""From a path to `Contents`: what a file is, told by its bytes and never by its name's ending."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from models.card import Card
from models.catalogue import WEIGHTS, weights_of
from models.checkpoints.archive import Members
from models.checkpoints.class_names import CLASSES_BESIDE
from models.checkpoints.family import Contents
from models.checkpoints.kinds import HEAD, foreign, kind_of
from models.checkpoints.ncnn_reader import read_ncnn
from models.checkpoints.openvino import XML_BYTES, read_constants
from models.checkpoints.pickle_machine import Damaged, read_pickle
from models.checkpoints.pickle_meaning import Budget, ModelMeaning
from models.checkpoints.safetensors_reader import read_safetensors
from models.checkpoints.source import Source, check_small, file_source
from models.checkpoints.torch_reader import (
    SPARE,
    is_torch_zip,
    nested_reader,
    read_chain,
    read_tar,
    read_torch_zip,
    starts_chain,
)
from models.errors import CheckpointError, NeedsAnswer
from models.latents.beside import files_beside

CARD_KEY = "ganvas.card"  # in a safetensors file's metadata: the card as JSON
CARD_BESIDE = "card.json"
OPTIONS = ("opt.txt", "train_opt.txt")  # what the training scripts of SPADE, pix2pix and CycleGAN write beside a network
LARGEST_OPTIONS = 1 << 20


def read(path: Path, member: str | None = None) -> Contents:
    """What a file holds, as inert data; of the folder of a model, what its weights do.

    In an archive `member` names one of its models; `archive.zip/folder/file.pth` as path does the same. `CheckpointError`
    names what was found; `NeedsAnswer` lists the models where there are several.
    """
    archive, inner = _split(path)
    source = file_source(archive)
    members = _archive(source)
    if members is None:
        if inner or member:
            raise CheckpointError(f"{archive.name} is no archive.", f"So there is no {inner or member} in it.")
        return read_source(source)
    found = models_in(members)
    chosen = inner or member
    if chosen is None:
        if not found:
            raise CheckpointError(f"{source.name} is an archive without a model that Ganvas can read.")
        if len(found) > 1:
            raise NeedsAnswer("member", f"{source.name} holds {len(found)} models.", tuple(found))
        chosen = found[0]
    return read_source(_member(members, chosen))


def archived_models(path: Path) -> list[str]:
    """Names of the models in a zip or wheel, as `read` takes them; empty for any other file, whether a model or not."""
    members = _archive(file_source(path, ours=True))  # of a zip only the directory is looked at: not worth reading all of it
    return [] if members is None else models_in(members)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or wheel that may hold models, and not the zip that torch writes."""
    return _archive(file_source(path, ours=True)) is not None


def read_source(source: Source) -> Contents:
    """What these bytes hold. `CheckpointError` names what was found where it is nothing that can be read."""
    head = bytes(source.data[:HEAD])
    kind = kind_of(head, source.size)
    try:
        if kind == "zip":
            return _torch(source, "torch zip", read_torch_zip(source, Members(source)))
        if kind == "pickle" and starts_chain(source.data):
            return _torch(source, "torch legacy", read_chain(source))
        if kind == "pickle":
            return _pickle(source)
        if kind == "torch tar":
            return _torch(source, "torch tar", read_tar(source))
        if kind == "safetensors":
            return _safetensors(source)
        if kind == "ncnn":
            return _ncnn(source)
        if kind == "openvino":
            return _openvino(source)
    except Damaged as error:
        raise CheckpointError(f"{source.name} cannot be opened as a model.", str(error), "Get it once more.") from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError, EOFError) as error:
        raise CheckpointError(
            f"{source.name} is a {kind} file that is damaged.",
            f"Reading it ended in {type(error).__name__}.",
            "Get it once more.",
        ) from error
    return _weights_of_description(source, head)


def _weights_of_description(source: Source, head: bytes) -> Contents:
    """The file is no model by itself; perhaps it is the `.bin` of a description that lies beside it."""
    stem = posixpath.splitext(source.name)[0]
    for ending in (".param", ".xml"):
        text = source.beside(stem + ending) if source.name != stem + ending else None
        if text is not None and kind_of(text[:HEAD], len(text)) in ("ncnn", "openvino"):
            return read_source(replace(source, name=stem + ending, data=text))
    what, hint = foreign(head)
    if not what:
        what = "in no format that Ganvas knows"
        hint = "Ganvas opens files of PyTorch, StyleGAN's pickles, safetensors, ncnn and OpenVINO."
    raise CheckpointError(f"{source.name} cannot be opened as a model.", f"It is {what}.", hint)


def own_model(contents: Contents) -> tuple[Card, dict[str, torch.Tensor]] | None:
    """Card and tensors of a model that Ganvas wrote: its card stands in the file or beside it. None where there is none."""
    card = contents.siblings.get(CARD_BESIDE)
    if contents.format != "safetensors" or card is None:
        return None
    found = Card.from_json(card)
    return found if found.sha256 else replace(found, sha256=contents.sha256), contents.tree


# Formats


def _torch(source: Source, form: str, tree: Any) -> Contents:
    siblings = _beside(source, (*OPTIONS, CLASSES_BESIDE))
    if "net_G" in source.name:
        encoder = source.name.replace("net_G", "net_E")
        if (raw := source.beside(encoder)) is not None:
            siblings[encoder] = raw
    return Contents(form, tree, source.name, source.sha256(), siblings)


def _pickle(source: Source) -> Contents:
    budget = Budget(source.size + SPARE)
    tree, _ = read_pickle(source.data, 0, ModelMeaning(budget, nested_reader(budget)))
    return Contents("pickle", tree, source.name, source.sha256(), _beside(source, (CLASSES_BESIDE,)))


def _beside(source: Source, names: tuple[str, ...]) -> dict[str, bytes]:
    """Those of the small files of these names that lie beside the source."""
    return {name: raw for name in names if (raw := source.beside(name)) is not None and len(raw) <= LARGEST_OPTIONS}


def _safetensors(source: Source) -> Contents:
    """Tensors by name; the card of a model of ours goes among the siblings, also where it stands inside the file, and so do the
    directions that were found for it."""
    stored, sha256 = read_safetensors(source), source.sha256()
    siblings: dict[str, bytes] = {}
    card = stored.metadata[CARD_KEY].encode() if CARD_KEY in stored.metadata else source.beside(CARD_BESIDE)
    if card is not None:
        siblings[CARD_BESIDE] = card
        siblings |= files_beside(source, lambda: Card.from_json(card).sha256 or sha256)
    return Contents("safetensors", stored.tensors, source.name, sha256, siblings)


def _ncnn(source: Source) -> Contents:
    weights = posixpath.splitext(source.name)[0] + ".bin"
    numbers = source.beside(weights)
    if numbers is None:
        raise CheckpointError(
            f"{source.name} is the description of an ncnn model.",
            f"Its numbers, {weights}, are not beside it.",
            "Put both together.",
        )
    layers = read_ncnn(bytes(source.data), numbers)
    return Contents("ncnn", layers, source.name, source.sha256(), {weights: numbers})


def _openvino(source: Source) -> Contents:
    """The graph of this file and of all others in its folder, by file name: one model is often cut into several."""
    siblings: dict[str, bytes] = {}
    tree: dict[str, Any] = {}
    for name in dict.fromkeys((source.name, *(name for name in source.names_beside() if name.lower().endswith(".xml")))):
        text = bytes(source.data[: XML_BYTES + 1]) if name == source.name else source.beside(name)
        numbers = source.beside(posixpath.splitext(name)[0] + ".bin")
        if text is None or numbers is None or kind_of(text[:HEAD], len(text)) != "openvino":
            if name == source.name:
                raise CheckpointError(
                    f"{name} is the graph of an OpenVINO model.", "Its numbers (.bin) are not beside it.", "Put both together."
                )
            continue
        siblings[posixpath.splitext(name)[0] + ".bin"] = numbers
        if name != source.name:
            siblings[name] = text
        tree[name] = read_constants(text, numbers)
    return Contents("openvino", tree, source.name, source.sha256(), siblings)


# Archives


def _split(path: Path) -> tuple[Path, str | None]:
    """The file of a path, and the name within it where the path goes on: `a.zip/b/c.pth`."""
    if path.exists():
        return weights_of(path), None
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return path, None


def _archive(source: Source) -> Members | None:
    """The members of a zip that holds files of models; None for anything else, and for the zip that torch writes."""
    if kind_of(bytes(source.data[:HEAD]), source.size) != "zip":
        return None
    members = Members(source)
    return None if is_torch_zip(members) else members


def models_in(members: Members) -> list[str]:
    """Names of the members that are models, sorted. Graphs of OpenVINO in one folder are one model, as a folder of ours is."""
    found: list[str] = []
    graphs: set[str] = set()
    for name in sorted(members.names):
        kind = kind_of(members.head(name, HEAD), members.size(name))
        if kind == "openvino":
            if posixpath.dirname(name) in graphs:
                continue
            graphs.add(posixpath.dirname(name))
        ours = {posixpath.join(posixpath.dirname(name), part) for part in (CARD_BESIDE, WEIGHTS)}
        if kind == "safetensors" and posixpath.basename(name) != WEIGHTS and ours <= members.names:
            continue  # what was fitted to the model beside it: directions
        if kind is not None and not _is_encoder(name):
            found.append(name)
    return found


def _is_encoder(name: str) -> bool:
    """The encoder of a SPADE network is read with its generator; by itself it is no model."""
    return "net_E" in posixpath.basename(name)


def _member(members: Members, name: str) -> Source:
    folder = posixpath.dirname(name)

    def beside(sibling: str) -> bytes | None:
        full = posixpath.join(folder, sibling)
        return members.read(full, members.largest) if full in members.names else None

    def small(sibling: str, most: int) -> bytes | None:
        full = posixpath.join(folder, sibling)
        if full in members.names:
            check_small(sibling, members.size(full), most)
        return beside(sibling)

    def names_beside() -> list[str]:
        return sorted(posixpath.basename(other) for other in members.names if posixpath.dirname(other) == folder)

    if name not in members.names:
        raise CheckpointError(f"The archive holds no {name[-80:]}.", f"Its models are {', '.join(models_in(members)[:6])}.")
    return Source(posixpath.basename(name), members.read(name, members.largest), beside, names_beside, small)
