"""What the frozen program holds, read from the code itself: modules, data files, and what of the libraries stays out.

Standard library alone: the build, the spec and the tests share it. PyInstaller follows every `import` it can see; what it
cannot see is an import by name (`importlib.import_module`), so all modules of ours are named to it, and whatever they import
only inside a function with them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "models", "resources")

# Optional packages of pyproject's extras: a person adds them to an environment of Python, never to the frozen program.
# imageio_ffmpeg brings a GPL binary; the others bring a second torch's worth of files.
EXTRAS = frozenset({"imageio_ffmpeg", "ray", "spandrel", "torchvision"})

# Found by PyInstaller through torch, numpy and Pillow, needed by none of our ways through them.
EXCLUDED = (
    *("IPython", "matplotlib", "tkinter", "_tkinter", "PIL.ImageTk", "PIL._imagingtk", "PIL.ImageQt"),
    *("pytest", "_pytest", "hypothesis", "mypy", "pip", "setuptools", "pkg_resources", "wheel", "lib2to3", "pydoc_data"),
    *("onnx", "onnxscript", "pandas", "tensorboard", "torch.utils.tensorboard", "triton", "nvidia"),
    *("readline", "_gdbm", "_dbm", "_curses", "_curses_panel"),  # GNU readline and gdbm are GPL; nothing here reads a terminal
    *(f"PySide6.Qt{name}" for name in ("Concurrent", "Designer", "Help", "LabsStyleKit", "PrintSupport", "Qml", "Quick")),
    *(f"PySide6.Qt{name}" for name in ("QuickControls2", "QuickWidgets", "Sql", "Test", "UiTools", "Xml")),
)

# Libraries and modules of Qt that stay. OpenGL is linked by the xcb plugins, WaylandClient by the Wayland one, Network holds
# QLocalServer, by which a second start hands its files over.
QT_MODULES = frozenset(
    {"Core", "DBus", "Gui", "Network", "OpenGL", "Svg", "WaylandClient", "Widgets", "WlShellIntegration", "XcbQpa"}
)
QT_PLUGINS = frozenset(
    {
        *("iconengines/qsvgicon", "imageformats/qjpeg", "imageformats/qsvg", "imageformats/qico", "imageformats/qgif"),
        *("imageformats/qwebp", "platforms/qoffscreen", "platforms/qminimal"),
        *("platforms/qxcb", "platforms/qwayland", "platformthemes/qxdgdesktopportal"),
        *("platforminputcontexts/composeplatforminputcontextplugin", "platforminputcontexts/ibusplatforminputcontextplugin"),
        *("xcbglintegrations/qxcb-egl-integration", "xcbglintegrations/qxcb-glx-integration"),
        *("wayland-shell-integration/xdg-shell", "wayland-decoration-client/adwaita", "wayland-decoration-client/bradient"),
        *("platforms/qwindows", "styles/qwindowsvistastyle", "styles/qmodernwindowsstyle"),
        *("platforms/qcocoa", "styles/qmacstyle"),
    }
)
TORCH_FOLDERS = ("include/", "test/", "share/", "lib/libshm_windows/")
TORCH_TEST_LIBRARIES = re.compile(r"(lib)?(jitbackend_test|torchbind_test|backend_with_compiler|aoti_custom_ops)\.")
# `import torch` raises RuntimeError without this one; every other program of torch/bin is a test or a compiler.
TORCH_PROGRAM = "torch_shm_manager"
CUDA = re.compile(r"(lib)?(torch_cuda|c10_cuda|cudart|cudnn|cublas|cufft|curand|cusolver|cusparse|nccl|nvrtc|nvshmem|nvToolsExt)")


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
    """Everything in the rooms that is not Python: weights, samples, icons, fonts, pins; what `importlib.resources` reads."""
    found = (path for room in ROOMS for path in (root / room).rglob("*") if path.is_file())
    return sorted(p for p in found if p.suffix not in {".py", ".pyc", ".pyi"} and "__pycache__" not in p.parts and not _hidden(p))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def datas(root: Path = ROOT) -> list[tuple[str, str]]:
    """`data_files` as PyInstaller wants them: (file, folder inside the program)."""
    return [(str(path), path.parent.relative_to(root).as_posix()) for path in data_files(root)]


def qt_module(name: str) -> str | None:
    """ "Core" of libQt6Core.so.6, Qt6Core.dll, QtCore.abi3.so, QtCore.pyd and QtCore; None for a file that is no part of Qt."""
    found = re.match(r"(?:lib)?Qt6?([A-Z]\w*?)(?:\.|$)", name)
    return found.group(1) if found else None


def keep(destination: str, cuda: bool = False) -> bool:
    """Whether a file of a library belongs into the program; `destination` is its place inside, `cuda` a build that has CUDA."""
    place = destination.replace("\\", "/")
    name = place.rsplit("/", 1)[-1]
    if place.startswith("PySide6/"):
        return _keep_qt(place, name)
    if place.startswith("torch/"):
        return _keep_torch(place.removeprefix("torch/"), name, cuda)
    if not cuda and (place.startswith(("nvidia/", "triton/")) or CUDA.match(name)):
        return False
    if "/" not in place and qt_module(name):  # a library of Qt that something pulled to the top
        return qt_module(name) in QT_MODULES
    return True


def _keep_qt(place: str, name: str) -> bool:
    if any(folder in place for folder in ("/translations/", "/qml/", "/metatypes/", "/include/", "/typesystems/", "/glue/")):
        return False
    if "/plugins/" in place:
        kind, _, file = place.rsplit("/plugins/", 1)[-1].partition("/")
        return f"{kind}/{file.split('.')[0].removeprefix('lib')}" in QT_PLUGINS
    framework = re.search(r"/(Qt\w+)\.framework/", place)
    module = qt_module(framework.group(1) if framework else name)
    if "pyside6qml" in name or name.startswith(("opengl32sw", "d3dcompiler")):  # QML's glue; a GL in software, and its compiler
        return False
    return module is None or module in QT_MODULES


def _keep_torch(inside: str, name: str, cuda: bool) -> bool:
    if inside.startswith(TORCH_FOLDERS) or TORCH_TEST_LIBRARIES.match(name):
        return False
    if name.endswith((".lib", ".a", ".h", ".cuh", ".cmake", ".pyi")):
        return False
    if inside.startswith("bin/"):
        return name.split(".")[0] == TORCH_PROGRAM
    return cuda or not CUDA.match(name)
