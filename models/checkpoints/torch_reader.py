"""The three containers of torch.save, read without torch.load: a zip (since 1.6), a chain of pickles (0.1.10 to 1.5), a tar.

zip: `NAME/data.pkl` refers to `NAME/data/KEY` for the numbers. Chain: magic number, protocol, system, the object, the storages'
keys, then the storages. Tar: members `storages`, `tensors`, `pickle`. Formats: torch/serialization.py of those versions.
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable
from typing import Any

import torch

from models.checkpoints.archive import Members
from models.checkpoints.inert import Global
from models.checkpoints.pickle_machine import read_pickle
from models.checkpoints.pickle_meaning import STORAGE_DTYPES, Budget, ModelMeaning, Storage
from models.checkpoints.source import Buffer, Source
from models.checkpoints.tensors import strided, tensor_at
from models.errors import CheckpointError

MAGIC = 0x1950A86A20F9469CFC6C
LARGEST_DIRECTORY = 256 << 20  # of the pickle that describes the tensors; real ones stay below 10 MB
DEEPEST_NESTING = 3  # containers inside pickles inside containers
SPARE = 64 << 20  # what may be built beyond the file's own size


def is_torch_zip(members: Members) -> bool:
    """Whether an archive is one that torch.save wrote."""
    return _root(members) is not None


def read_torch_zip(source: Source, members: Members) -> Any:
    """The object of a zip container."""
    root = _root(members)
    if root is None:
        raise CheckpointError(f"{source.name} is a zip without a model in it.")
    names = members.names
    if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
        raise CheckpointError(
            f"{source.name} is a TorchScript program.",
            "It would have to be run to be opened, and Ganvas runs nothing of a file.",
            "Ask for the same model as a state dict or as safetensors.",
        )
    return _zipped_object(source, members, root, ModelMeaning)


def read_scripted_data(source: Source, members: Members) -> Any:
    """The object of a TorchScript archive, its program left alone: for files whose network we know and have written ourselves.

    A module in it is an inert record of its attributes, among them the tensors.
    """
    root = _root(members)
    if root is None:
        raise CheckpointError(f"{source.name} is a zip without a model in it.")
    return _zipped_object(source, members, root, _ScriptedMeaning)


class _ScriptedMeaning(ModelMeaning):
    """Of the pickle in a TorchScript archive, whose attributes may be lists that torch names a function for."""

    def named(self, module: str, name: str) -> Any:
        return Global(module, name) if module == "torch.jit._pickle" else super().named(module, name)


def _zipped_object(source: Source, members: Members, root: str, kind: type[ModelMeaning]) -> Any:
    names = members.names
    if f"{root}byteorder" in names and members.read(f"{root}byteorder", 16).strip() != b"little":
        raise CheckpointError(f"{source.name} was written on a big-endian machine.", "Ganvas reads little-endian files only.")
    loaded: dict[tuple[str, torch.dtype], Storage] = {}

    def storage(reference: Any) -> Storage:
        key, dtype, count = _reference(reference)
        if (key, dtype) not in loaded:
            data, offset, length = members.locate(f"{root}data/{key}")
            if count * dtype.itemsize > length:
                raise CheckpointError(
                    f"{source.name} is damaged.", f"Storage {key[:40]} should have {count:,} numbers, but has {length:,} bytes."
                )
            loaded[key, dtype] = Storage(tensor_at(data, offset, count * dtype.itemsize, dtype))
        return loaded[key, dtype]

    directory = members.read(f"{root}data.pkl", LARGEST_DIRECTORY)
    budget = Budget(source.size + SPARE)
    return read_pickle(directory, 0, kind(budget, nested_reader(budget), storage))[0]


def _root(members: Members) -> str | None:
    found = [name.removesuffix("data.pkl") for name in members.names if name == "data.pkl" or name.endswith("/data.pkl")]
    return found[0] if len(found) == 1 and found[0].count("/") <= 1 else None


def _reference(reference: Any) -> tuple[str, torch.dtype, int]:
    """Key, number format and count of a reference ("storage", class, key, place, count)."""
    try:
        kind, form, key, _, count = reference[:5]
    except (TypeError, ValueError) as error:
        raise CheckpointError("The file is damaged.", "It refers to a storage in a way that is no reference.") from error
    if kind != "storage" or not isinstance(form, Global) or not isinstance(key, (str, int)):
        raise CheckpointError("The file is damaged.", "It refers to something else than a storage.")
    if form.name not in STORAGE_DTYPES:
        raise CheckpointError("The file has numbers in a format that cannot be read.", f"They are of {form.label[:80]}.")
    if type(count) is not int or not 0 <= count < 1 << 48:
        raise CheckpointError("The file is damaged.", "A storage of it has an impossible size.")
    return str(key), STORAGE_DTYPES[form.name], count


def _class(reference: Any) -> Global | None:
    """The class that a reference ("module", class, file, source text) is about; its source text is left alone."""
    if isinstance(reference, tuple) and len(reference) > 1 and reference[0] == "module" and isinstance(reference[1], Global):
        return reference[1]
    return None


def nested_reader(budget: Budget, depth: int = 1) -> Callable[[bytes], Any]:
    """Reads the containers that lie as bytes in a pickle, as a storage does that was pickled by itself."""

    def read(raw: bytes) -> Any:
        if depth > DEEPEST_NESTING:
            raise CheckpointError("The file is damaged or malicious.", "Its tensors nest without end.")
        return read_chain(Source("a tensor of the file", raw), budget, depth)

    return read


def starts_chain(data: Buffer) -> bool:
    """Whether these bytes begin a chain of pickles with torch's magic number (in a frame, from protocol 4 on)."""
    return b"\x8a\x0a" + MAGIC.to_bytes(10, "little") in bytes(data[:32])


def read_chain(source: Source, budget: Budget | None = None, depth: int = 0) -> Any:
    """The object of the container before 1.6: pickles in a row, then the numbers of each storage with their count."""
    data = source.data
    budget = budget or Budget(source.size + SPARE)
    nested = nested_reader(budget, depth + 1)
    plain = ModelMeaning(budget, nested)
    magic, at = read_pickle(data, 0, plain)
    if magic != MAGIC or type(magic) is not int:
        raise CheckpointError(f"{source.name} is damaged.", "A tensor of it does not begin as torch writes it.")
    _, at = read_pickle(data, at, plain)
    system, at = read_pickle(data, at, plain)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise CheckpointError(f"{source.name} was written on a big-endian machine.", "Ganvas reads little-endian files only.")
    # The numbers come last and the object refers to them. So the object is read twice: to learn which storages there are,
    # and again once it is known where each of them lies.
    wanted: dict[str, tuple[torch.dtype, int]] = {}

    def note(reference: Any) -> Any:
        if (named := _class(reference)) is not None:
            return named
        key, dtype, count = _reference(reference)
        if wanted.setdefault(key, (dtype, count)) != (dtype, count):
            raise CheckpointError(f"{source.name} is damaged.", "It describes one storage in two ways.")
        return Storage(None)

    start = at
    _, at = read_pickle(data, start, ModelMeaning(budget, nested, note))
    keys, at = read_pickle(data, at, plain)
    if not isinstance(keys, list) or len(keys) > len(wanted) or not all(isinstance(key, (str, int)) for key in keys):
        raise CheckpointError(f"{source.name} is damaged.", "Its list of storages does not fit what it holds.")
    flat: dict[str, torch.Tensor] = {}
    for key in map(str, keys):
        if key not in wanted or key in flat:
            raise CheckpointError(f"{source.name} is damaged.", "Its list of storages does not fit what it holds.")
        flat[key], at = _counted(source, at, *wanted[key])

    def storage(reference: Any) -> Any:
        if (named := _class(reference)) is not None:
            return named
        key, _, _ = _reference(reference)
        if key not in flat:
            raise CheckpointError(f"{source.name} is damaged.", "The numbers of a tensor are missing.")
        return _viewed(flat[key], reference)

    return read_pickle(data, start, ModelMeaning(budget, nested, storage))[0]


def _counted(source: Source, at: int, dtype: torch.dtype, count: int) -> tuple[torch.Tensor, int]:
    """The storage whose count stands at `at`, and the position after its numbers."""
    length = count * dtype.itemsize
    if at + 8 > source.size or at + 8 + length > source.size:
        raise CheckpointError(
            f"{source.name} is cut off.", f"It should have at least {at + 8 + length:,} bytes, but has {source.size:,}."
        )
    (stated,) = struct.unpack("<q", source.data[at : at + 8])
    if stated != count:
        raise CheckpointError(f"{source.name} is damaged.", f"A storage of {count:,} numbers says that it has {stated:,}.")
    return tensor_at(source.data, at + 8, length, dtype), at + 8 + length


def _viewed(flat: torch.Tensor, reference: Any) -> Storage:
    """The part of a storage that a reference with a sixth element (key, offset, count) speaks of; the whole without one."""
    view = reference[5] if len(reference) > 5 else None
    if view is None:
        return Storage(flat)
    _, offset, count = view
    return Storage(strided(flat, offset, (count,), (1,)))


def is_torch_tar(head: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 264) is a tar, as torch wrote before 0.1.10."""
    return head[257:262] == b"ustar"


def read_tar(source: Source) -> Any:
    """The object of the oldest container, a tar with `storages`, `tensors` and `pickle`."""
    parts = _tar_members(source)
    budget = Budget(source.size + SPARE)
    nested = nested_reader(budget)
    plain = ModelMeaning(budget, nested)
    part = Source(source.name, parts["storages"])
    flat: dict[str, torch.Tensor] = {}
    total, at = read_pickle(part.data, 0, plain)
    for _ in range(_count(total, part)):
        (key, _, form), at = read_pickle(part.data, at, plain)
        (count,) = struct.unpack("<q", part.data[at : at + 8])
        key, dtype, count = _reference(("storage", form, key, "cpu", count))
        flat[key], at = _counted(part, at, dtype, count)
    views, at = read_pickle(part.data, at, plain)
    for target, origin, offset, count in views:
        flat[str(target)] = strided(flat[str(origin)], offset, (count,), (1,))
    part = Source(source.name, parts["tensors"])
    tensors: dict[str, torch.Tensor] = {}
    total, at = read_pickle(part.data, 0, plain)
    for _ in range(_count(total, part)):
        (key, storage, _), at = read_pickle(part.data, at, plain)
        (sides,) = struct.unpack("<i", part.data[at : at + 4])  # four bytes more follow, of no meaning
        if not 0 <= sides <= 8:
            raise CheckpointError(f"{source.name} is damaged.", "A tensor of it has an impossible size.")
        numbers = struct.unpack(f"<{2 * sides + 1}q", part.data[at + 8 : at + 16 + 16 * sides])
        at += 16 + 16 * sides
        tensors[str(key)] = strided(flat[str(storage)], numbers[-1], numbers[:sides], numbers[sides:-1])

    class Tensors(ModelMeaning):
        def persistent(self, reference: Any) -> Any:
            key = reference[0] if isinstance(reference, tuple) and reference else reference
            return tensors[str(key)] if str(key) in tensors else Global("torch", "Tensor")

    return read_pickle(parts["pickle"], 0, Tensors(budget, nested))[0]


def _count(total: Any, part: Source) -> int:
    if type(total) is not int or not 0 <= total <= part.size:
        raise CheckpointError(f"{part.name} is damaged.", "It claims an impossible number of tensors.")
    return total


def _tar_members(source: Source) -> dict[str, Buffer]:
    """The bytes of the three members. Nothing is unpacked to disk; links and folders have no bytes and are left out."""
    found: dict[str, Buffer] = {}
    view = memoryview(source.data)
    try:
        with tarfile.open(fileobj=io.BytesIO(view), mode="r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in ("storages", "tensors", "pickle") and member.isreg() and not member.issparse():
                    found[name] = bytearray(view[member.offset_data : member.offset_data + member.size])
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise CheckpointError(f"{source.name} is a tar that is damaged.", f"{type(error).__name__}.") from error
    missing = {"storages", "tensors", "pickle"} - set(found)
    if missing:
        raise CheckpointError(f"{source.name} is a tar without a model in it.", f"It has no member {sorted(missing)[0]}.")
    return found
