"""What the calls in a model's pickle stand for: tensors, arrays, dicts. Everything else stays a record.

Each entry of `_CALLS` is our own reading of what torch, numpy or Python would have built from these arguments; their functions
are not called. What is built may not be larger than the file: `Budget` keeps count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.checkpoints.inert import Dictionary, Global, Record, hashes_quickly
from models.checkpoints.pickle_names import allowed
from models.checkpoints.tensors import strided
from models.errors import CheckpointError

STORAGE_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
_PLAIN_DTYPE = re.compile(r"[<>|=]?([?bB]|[biufcSU]\d{1,4})")


@dataclass(frozen=True, eq=False)
class Storage:
    """A torch storage: a row of numbers. `flat` is None while its bytes have not been reached yet."""

    flat: torch.Tensor | None


@dataclass(eq=False)
class NumberFormat:
    """A numpy dtype of the file; its byte order comes with its state."""

    code: str
    order: str = "|"

    def resolve(self) -> np.dtype[Any]:
        """The dtype; `CheckpointError` where its values are not plain numbers or texts."""
        if not _PLAIN_DTYPE.fullmatch(self.code):
            raise CheckpointError("The file holds an array of something else than numbers.", f"Its format is {self.code[:40]!r}.")
        found = np.dtype(self.code)
        return found.newbyteorder(">" if self.order == ">" else "<") if self.order in ("<", ">") else found


class Budget:
    """How many bytes may still be built. A few bytes of a pickle can ask for the same copy over and over."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, size: int) -> None:
        """Take `size` bytes; `CheckpointError` where the file asks for more than it can need."""
        self.left -= size
        if self.left < 0:
            raise CheckpointError("The file is damaged or malicious.", "What it describes is far larger than the file itself.")


LoadStorage = Callable[[Any], Any]
LoadBytes = Callable[[bytes], Any]


def _no_reference(reference: Any) -> Storage:
    raise CheckpointError("The file is damaged.", "It refers to bytes outside of itself.")


class ModelMeaning:
    """The `Meaning` of a model file's pickle.

    `storage` gives the storage of a torch container's reference, `nested` reads a torch container that lies in the pickle as
    bytes (so do tensors in a plain pickle).
    """

    def __init__(self, budget: Budget, nested: LoadBytes, storage: LoadStorage = _no_reference) -> None:
        self._budget, self._nested, self._storage = budget, nested, storage

    def named(self, module: str, name: str) -> Any:
        return allowed(module, name)

    def persistent(self, reference: Any) -> Any:
        return self._storage(reference)

    def call(self, maker: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(maker, Global) and not kwargs:
            reading = _CALLS.get(maker.label)
            if reading is not None:
                return reading(self, args)
            if maker.module == "torch._utils" and maker.name.startswith("_rebuild_"):
                raise CheckpointError(
                    "The file holds a tensor of a kind that cannot be read.", f"It is made by {maker.label[:80]}."
                )
        return Record(maker, args, dict(kwargs))

    def build(self, thing: Any, state: Any) -> None:
        if isinstance(thing, np.ndarray):
            self._fill_array(thing, state)
        elif isinstance(thing, NumberFormat):
            if isinstance(state, tuple) and len(state) > 1 and isinstance(state[1], str):
                thing.order = state[1]
        elif isinstance(thing, (Record, Dictionary)):
            thing.state = state
        elif not isinstance(thing, torch.Tensor):  # what hangs on a tensor besides its numbers is left out
            raise CheckpointError("The file is damaged.", f"Its pickle gives a state to a {type(thing).__name__}.")

    # Readings

    def ordered_dict(self, args: tuple[Any, ...]) -> Dictionary:
        made = Dictionary()
        for pair in args[0] if args else ():
            key, value = pair
            if not isinstance(key, (str, int)) or not hashes_quickly(key):
                raise CheckpointError("The file is damaged.", "An ordered dict of it has keys that are no names.")
            self._budget.spend(64)
            made[key] = value
        return made

    def small_set(self, args: tuple[Any, ...]) -> Any:
        members = args[0] if args else []
        self._budget.spend(64 * len(members))
        if not all(map(hashes_quickly, members)):
            raise CheckpointError("The file is damaged or malicious.", "A set of it has members that no model needs.")
        return set(members)

    def to_bytes(self, args: tuple[Any, ...]) -> bytes:
        text = args[0]
        self._budget.spend(len(text))
        return str.encode(text, "latin-1")

    def bytes_of(self, args: tuple[Any, ...]) -> Any:
        if not args:
            return b""
        if isinstance(args[0], str):  # how protocol 2 spells bytes
            return self.to_bytes(args)
        if not isinstance(args[0], bytes):
            raise CheckpointError("The file is damaged or malicious.", "It makes bytes from something else than a text.")
        return args[0]

    def tensor(self, args: tuple[Any, ...]) -> torch.Tensor | None:
        storage, offset, size, stride = args[:4]
        if not isinstance(storage, Storage):
            raise CheckpointError("The file is damaged.", "A tensor of it has no storage.")
        return None if storage.flat is None else strided(storage.flat, offset, tuple(size), tuple(stride))

    def tensor_of_type(self, args: tuple[Any, ...]) -> torch.Tensor | None:
        """Version 3 of the above: the storage is bytes, the number format comes as the seventh argument."""
        storage, dtype = args[0], args[6]
        if not isinstance(storage, Storage) or not isinstance(dtype, Global):
            raise CheckpointError("The file is damaged.", "A tensor of it has no storage or number format.")
        found = getattr(torch, dtype.name, None) if dtype.module == "torch" else None
        if not isinstance(found, torch.dtype):
            raise CheckpointError("The file holds a tensor of an unknown number format.", f"It is {dtype.label[:80]}.")
        if storage.flat is None:
            return None
        whole = storage.flat.numel() * storage.flat.element_size() // found.itemsize * found.itemsize
        return strided(storage.flat.view(torch.uint8)[:whole].view(found), args[1], tuple(args[2]), tuple(args[3]))

    def first_argument(self, args: tuple[Any, ...]) -> Any:
        return args[0]

    def rebuilt(self, args: tuple[Any, ...]) -> Any:
        """A tensor of a class of its own, or with attributes: (function, class, its arguments, state)."""
        function, _, inner = args[:3]
        if not isinstance(function, Global) or not function.label.startswith("torch._utils._rebuild_"):
            raise CheckpointError("The file is damaged or malicious.", "It makes a tensor by something else than torch.")
        return self.call(function, inner, {})

    def torch_bytes(self, args: tuple[Any, ...]) -> Any:
        (raw,) = args
        if not isinstance(raw, bytes):
            raise CheckpointError("The file is damaged.", "A tensor of it has no bytes.")
        self._budget.spend(len(raw))
        return self._nested(raw)

    def empty_array(self, args: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        return np.empty(0, np.float32)

    def number_format(self, args: tuple[Any, ...]) -> NumberFormat:
        if not isinstance(args[0], str):
            raise CheckpointError("The file holds an array of something else than numbers.", "Its format is no name.")
        return NumberFormat(args[0])

    def scalar(self, args: tuple[Any, ...]) -> Any:
        form, raw = args
        return self._array(form, (), raw).reshape(())[()]

    def array_of_bytes(self, args: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        raw, form, shape, order = args
        return self._array(form, shape, raw, fortran=order == "F")

    def _fill_array(self, thing: np.ndarray[Any, Any], state: Any) -> None:
        _, shape, form, fortran, raw = state
        found = self._array(form, shape, raw, bool(fortran))
        # The array is known to the pickle's memo already, so it must change in place.
        # numpy wants a whole number for the order, whatever its stubs say.
        filled: Any = (1, found.shape, found.dtype, int(bool(fortran)), found.tobytes("F" if fortran else "C"))
        thing.__setstate__(filled)

    def _array(self, form: Any, shape: Any, raw: Any, fortran: bool = False) -> np.ndarray[Any, Any]:
        if isinstance(raw, str):  # a text of Python 2
            raw = self.to_bytes((raw,))
        dtype = (form if isinstance(form, NumberFormat) else NumberFormat("O")).resolve()
        count = 1
        for side in shape:
            if type(side) is not int or not 0 <= side < 1 << 48:
                raise CheckpointError("An array of the file has an impossible size.")
            count *= side
        if not isinstance(raw, bytes) or count * dtype.itemsize != len(raw) or len(shape) > 16:
            raise CheckpointError("An array of the file does not have the bytes that it should have.")
        self._budget.spend(len(raw) + 64)
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


_Reading = Callable[[ModelMeaning, tuple[Any, ...]], Any]
_CALLS: dict[str, _Reading] = {
    "collections.OrderedDict": ModelMeaning.ordered_dict,
    "_codecs.encode": ModelMeaning.to_bytes,
    "torch.Size": ModelMeaning.first_argument,
    "torch._utils._rebuild_tensor": ModelMeaning.tensor,
    "torch._utils._rebuild_tensor_v2": ModelMeaning.tensor,
    "torch._utils._rebuild_tensor_v3": ModelMeaning.tensor_of_type,
    "torch._utils._rebuild_parameter": ModelMeaning.first_argument,
    "torch._utils._rebuild_parameter_with_state": ModelMeaning.first_argument,
    "torch.nn.parameter.Parameter": ModelMeaning.first_argument,
    "torch.autograd.variable.Variable": ModelMeaning.first_argument,
    "torch._tensor._rebuild_from_type_v2": ModelMeaning.rebuilt,
    "torch.storage._load_from_bytes": ModelMeaning.torch_bytes,
    "numpy.dtype": ModelMeaning.number_format,
    **{f"{python}.set": ModelMeaning.small_set for python in ("builtins", "__builtin__")},
    **{f"{python}.bytes": ModelMeaning.bytes_of for python in ("builtins", "__builtin__")},
    **{f"numpy.{core}.multiarray._reconstruct": ModelMeaning.empty_array for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": ModelMeaning.scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": ModelMeaning.array_of_bytes for core in ("core", "_core")},
}
