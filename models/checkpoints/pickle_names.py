"""Which names a model file may mention. None of them is ever imported; the list is there to tell a person what was found.

A name of Python's own library, of torch or of numpy is let pass where models have a use for it as data. Names of other
packages pass too (a network's own class has any name), but for those whose only use in a model file is to run something.
"""

from __future__ import annotations

import re
import sys

from models.checkpoints.inert import Global
from models.errors import CheckpointError

_PYTHON_2 = {"__builtin__", "copy_reg", "commands", "cPickle", "cStringIO", "StringIO", "UserDict", "urllib2", "exceptions"}
_STANDARD = frozenset(sys.stdlib_module_names) | _PYTHON_2

_DATA_BUILTINS = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long"),
    *("object", "range", "set", "slice", "str", "tuple", "unicode"),
)
_DATA = frozenset(
    {("builtins", name) for name in _DATA_BUILTINS}
    | {("__builtin__", name) for name in _DATA_BUILTINS}
    | {
        ("_codecs", "encode"),
        ("argparse", "Namespace"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("copy_reg", "_reconstructor"),
        ("copyreg", "_reconstructor"),
        ("copyreg", "__newobj__"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("functools", "partial"),
        ("pathlib", "Path"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
        ("pathlib", "PureWindowsPath"),
        ("pathlib", "WindowsPath"),
        ("pathlib._local", "PosixPath"),
        ("pathlib._local", "WindowsPath"),
        ("types", "SimpleNamespace"),
        ("typing", "Any"),
        ("typing", "Union"),
        ("uuid", "UUID"),
    }
)

# What torch and numpy write into files: tensors, storages, number formats, modules, optimisers and random states.
_LIBRARY_DATA = re.compile(
    r"""torch\.(cuda\.|sparse\.)?([A-Z]\w*Storage|[A-Z]\w*Tensor|Tensor|Size|device|dtype|Generator)
    | torch\.(float|double|half|bfloat|int|uint|long|short|bool|complex|cfloat|cdouble|float8_)\w*
    | torch\.(strided|contiguous_format|channels_last|preserve_format|sparse_coo|sparse_csr)
    | torch\._utils\._rebuild_\w+ | torch\._tensor\._rebuild_\w+ | torch\.storage\.\w+ | torch\.serialization\._get_layout
    | torch\.(nn|optim|autograd|distributions|utils\.data|utils\.hooks|cuda\.amp|amp|ao\.quantization|quantization)\.[\w.]+
    | (numpy|numpy\.core\.multiarray|numpy\._core\.multiarray)\.(dtype|ndarray|_reconstruct|scalar)
    | numpy\.(core|_core)\.numeric\._frombuffer
    | numpy\.(random|dtypes)\.[\w.]+
    | numpy\.(bool|int|uint|float|complex|str|bytes|longlong)_?\d*_?""",
    re.VERBOSE,
)

# Packages by which a file could run something, and which no network's class lies in.
_RUNNERS = frozenset(
    (
        *("IPython", "_pytest", "aiohttp", "ansible", "cloudpickle", "cryptography", "dill", "django", "docker", "fabric"),
        *("fire", "flask", "gunicorn", "httpx", "invoke", "ipykernel", "joblib", "jupyter", "nltk", "pandas", "paramiko"),
        *("pexpect", "pip", "pkg_resources", "plumbum", "psutil", "pyautogui", "pytest", "pywintypes", "requests", "selenium"),
        *("setuptools", "sh", "sqlalchemy", "tornado", "twisted", "urllib3", "virtualenv", "wheel", "win32api", "win32com"),
        *("xonsh", "yaml"),
    )
)


def allowed(module: str, name: str) -> Global:
    """The name as data; `CheckpointError` where a file that mentions it wants something run."""
    root = module.partition(".")[0]
    if root in _STANDARD:
        fits = (module, name) in _DATA
    elif root in ("torch", "numpy"):
        fits = _LIBRARY_DATA.fullmatch(f"{module}.{name}") is not None
    else:
        fits = root not in _RUNNERS and bool(re.fullmatch(r"[\w.<>-]+", f"{module}.{name}"))
    if not fits:
        raise CheckpointError(
            f"The file asks Python for {_shown(module, name)}.",
            "No model needs that, so the file is damaged or malicious; nothing of it was run.",
            "Get the model from its authors.",
        )
    return Global(module, name)


def _shown(module: str, name: str) -> str:
    text = f"{module}.{name}"[:100]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
