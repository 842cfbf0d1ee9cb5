"""What the frozen program holds, read from the code itself: modules, data files, and which modules of libraries stay out.

Standard library alone: the build, the spec and the tests share it. PyInstaller follows every `import` it can see; what it
cannot see is an import by name (`importlib.import_module`), so all modules of ours are named to it, and whatever they import
only inside a function with them.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "models", "resources")

# Optional packages of pyproject's extras: a person adds them to an environment of Python, never to the frozen program.
# imageio_ffmpeg brings a GPL binary; the others bring a second torch's worth of files.
EXTRAS = frozenset({"imageio_ffmpeg", "rawpy", "ray", "spandrel", "torchvision"})

# Found by PyInstaller through torch, numpy and Pillow, needed by none of our ways through them.
EXCLUDED = (
    *("IPython", "matplotlib", "tkinter", "_tkinter", "PIL.ImageTk", "PIL._imagingtk", "PIL.ImageQt"),
    *("pytest", "_pytest", "hypothesis", "mypy", "pip", "setuptools", "pkg_resources", "wheel", "lib2to3", "pydoc_data"),
    *("onnx", "onnxscript", "pandas", "tensorboard", "torch.utils.tensorboard", "triton", "nvidia"),
    *sorted(EXTRAS),
    *("readline", "_gdbm", "_dbm", "_curses", "_curses_panel"),  # GNU readline and gdbm are GPL; nothing here reads a terminal
    *("sitecustomize", "usercustomize"),  # what the machine that builds does to its own Python (Debian's lies in /etc)
    *(f"PySide6.Qt{name}" for name in ("Concurrent", "Designer", "Help", "LabsStyleKit", "PrintSupport", "Qml", "Quick")),
    *(f"PySide6.Qt{name}" for name in ("QuickControls2", "QuickWidgets", "Sql", "Test", "UiTools", "Xml")),
)


@dataclass(frozen=True)
class Import:
    """One import of our code: the module's name, and where it stands. `lazy` is one that runs only when a function does."""

    name: str
    path: Path
    line: int
    lazy: bool


@dataclass(frozen=True)
class DynamicImport:
    """An import by name: `prefix` is what the code says of the name as a constant ("app.cli." of an f-string), else ""."""

    prefix: str
    path: Path
    line: int
    whole: bool


# Python, and what is written in C with what becomes of it, which PyInstaller finds as it finds modules.
CODE = frozenset({".py", ".pyc", ".pyi", ".c", ".h", ".so", ".pyd"})


def sources(root: Path = ROOT) -> list[Path]:
    """The Python files of the product, sorted."""
    return sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))


def module_name(path: Path, root: Path = ROOT) -> str:
    """`app.cli.tour` of app/cli/tour.py; a package bears the name of its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def first_party(root: Path = ROOT) -> list[str]:
    """Every module of ours, by name."""
    return sorted(module_name(path, root) for path in sources(root))


def imports(path: Path) -> Iterator[Import]:
    """The imports of one file, those for the type checker alone left out."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), path, lazy=False)


def _imports(node: ast.AST, path: Path, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, path, child.lineno, lazy)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield Import(child.module, path, child.lineno, lazy)
        elif isinstance(child, ast.If) and _is_for_types(child.test):
            for other in child.orelse:
                yield from _imports(other, path, lazy)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, path, lazy or inside)


def _is_for_types(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def dynamic_imports(path: Path) -> Iterator[DynamicImport]:
    """Calls of `importlib.import_module` and `__import__` in one file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in {"import_module", "__import__"}:
            first = node.args[0]
            start = first.values[0] if isinstance(first, ast.JoinedStr) and first.values else first
            prefix = start.value if isinstance(start, ast.Constant) and isinstance(start.value, str) else ""
            yield DynamicImport(prefix, path, node.lineno, whole=start is first)


def is_extra(module: str) -> bool:
    """True for a module of an optional package that never travels in the frozen program."""
    return module.split(".")[0] in EXTRAS


def hidden_imports(root: Path = ROOT) -> list[str]:
    """What PyInstaller is told of: all modules of ours, what they import inside functions, what they import by a fixed name."""
    names = set(first_party(root))
    for path in sources(root):
        names.update(found.name for found in imports(path) if found.lazy)
        names.update(found.prefix for found in dynamic_imports(path) if found.whole and found.prefix)
    return sorted(name for name in names if not is_extra(name) and name != "__future__")


def data_files(root: Path = ROOT) -> list[Path]:
    """Everything in the rooms that is no code: weights, samples, icons, fonts, pins; what `importlib.resources` reads."""
    found = (path for room in ROOMS for path in (root / room).rglob("*") if path.is_file())
    return sorted(p for p in found if p.suffix not in CODE and "__pycache__" not in p.parts and not _hidden(p))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def metadata_files(root: Path = ROOT) -> list[tuple[str, str]]:
    """The METADATA of each library that pyproject names, as PyInstaller wants it: `importlib.metadata` tells versions by it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    for requirement in project["dependencies"]:
        distribution = metadata.distribution(re.split(r"[\s\[<>=!~;]", requirement)[0])
        file = next(file for file in distribution.files or () if str(file).endswith(".dist-info/METADATA"))
        found.append((str(file.locate()), file.parent.name))
    return found


def datas(root: Path = ROOT) -> list[tuple[str, str]]:
    """`data_files` as PyInstaller wants them: (file, folder inside the program)."""
    return [(str(path), path.parent.relative_to(root).as_posix()) for path in data_files(root)]
