"""Which files of the libraries go into the frozen program, of all that PyInstaller finds.

Standard library alone: spec, build and tests share it.
"""

from __future__ import annotations

import re
from pathlib import Path

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
        *("platforms/qwindows", "platforms/qcocoa"),
    }
)
QT_FOLDERS = ("/translations/", "/qml/", "/metatypes/", "/include/", "/typesystems/", "/glue/")
QT_OTHERS = ("opengl32sw", "d3dcompiler")  # a GL in software and its compiler (Windows): nothing here draws by GL
TORCH_FOLDERS = ("include/", "test/", "share/", "lib/libshm_windows/")
# Tests of torch, and what stands in for Intel's OpenMP on Windows where a program is built without it: nothing loads that.
TORCH_NEEDLESS_LIBRARIES = re.compile(
    r"(lib)?(jitbackend_test|torchbind_test|backend_with_compiler|aoti_custom_ops|iompstubs5md)\."
)
# `import torch` raises RuntimeError without this one; every other program of torch/bin is a test or a compiler.
TORCH_PROGRAM = "torch_shm_manager"
# torch reads the source text of its modules of settings, and of functions that have overloads, while it is imported. The text
# of all others is 46 MB that only torch.jit.script of Python functions reads.
TORCH_READS_SOURCE = re.compile(rb"install_config_module\(|\b_overload(_method)?\b")
CUDA = re.compile(r"(lib)?(torch_cuda|c10_cuda|cudart|cudnn|cublas|cufft|curand|cusolver|cusparse|nccl|nvrtc|nvshmem|nvToolsExt)")

# Libraries of the system (Linux) that travel along: those that Python's modules were linked to and that bear another name or
# version elsewhere, and the small ones that Qt's xcb plugin needs and desktops lack. What is not named here is the system's:
# it must fit the desktop's own fonts, graphics driver and message bus.
FROM_SYSTEM = re.compile(
    r"libpython3|lib(ssl|crypto)\.|libffi\.|libsqlite3\.|libbz2\.|libuuid\.|libmpdec\.|libtinfo|libncurses"
    r"|libxcb-|libxkbcommon"
    r"|libbrotli|lib(gssapi_krb5|krb5|krb5support|k5crypto|com_err|keyutils)\."
)


def keep(place: str, source: str = "", cuda: bool = False) -> bool:
    """Whether a file goes in: `place` inside the program, `source` where it was found, `cuda` for a build that has CUDA."""
    place = place.replace("\\", "/")
    name = place.rsplit("/", 1)[-1]
    if place.startswith("PySide6/"):
        return _keep_qt(place, name)
    if place.startswith("torch/"):
        return _keep_torch(place.removeprefix("torch/"), name, source, cuda)
    if place.startswith("imageio_ffmpeg/"):  # a GPL program, whatever its wheel's label says
        return False
    if not cuda and (place.startswith(("nvidia/", "triton/")) or CUDA.match(name)):
        return False
    if "/" not in place and qt_module(name):  # a library of Qt that another one pulled to the top
        return qt_module(name) in QT_MODULES
    return not is_from_system(source) or bool(FROM_SYSTEM.match(name))


def is_from_system(source: str) -> bool:
    """True for a shared library of the Linux system that the build runs on."""
    inside = source.startswith(("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"))
    return inside and ".so" in source and not re.search(r"/python3[^/]*/|/site-packages/", source)


def qt_module(name: str) -> str | None:
    """ "Core" of libQt6Core.so.6, Qt6Core.dll, QtCore.abi3.so, QtCore.pyd and QtCore; None for a file that is no part of Qt."""
    found = re.match(r"(?:lib)?Qt6?([A-Z]\w*?)(?:\.|$)", name)
    return found.group(1) if found else None


def _keep_qt(place: str, name: str) -> bool:
    if any(folder in place for folder in QT_FOLDERS) or name.startswith(QT_OTHERS) or "pyside6qml" in name:
        return False
    if "/plugins/" in place:
        kind, _, file = place.rsplit("/plugins/", 1)[-1].partition("/")
        return f"{kind}/{file.split('.')[0].removeprefix('lib')}" in QT_PLUGINS
    framework = re.search(r"/(Qt\w+)\.framework/", place)
    module = qt_module(framework.group(1) if framework else name)
    return module is None or module in QT_MODULES


def _keep_torch(inside: str, name: str, source: str, cuda: bool) -> bool:
    if inside.startswith(TORCH_FOLDERS) or TORCH_NEEDLESS_LIBRARIES.match(name):
        return False
    if name.endswith((".lib", ".a", ".h", ".cuh", ".cmake", ".pyi")):
        return False
    if inside.startswith("bin/"):
        return name.split(".")[0] == TORCH_PROGRAM
    if name.endswith(".py"):
        return TORCH_READS_SOURCE.search(Path(source).read_bytes()) is not None
    return cuda or not CUDA.match(name)
