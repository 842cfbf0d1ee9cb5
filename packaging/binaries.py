"""Judging the compiled files of the frozen program: whose they are, under which licence, and that none is GPL.

A package's metadata tells of its own code; the libraries packed into its wheel may be under other terms (a BSD wheel has been
seen to carry a GPL ffmpeg). So every library is known here by name, an unknown one stops the build until somebody has
looked at it, and all are searched for what only GPL code says of itself.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Library:
    """A library that travels inside a wheel or comes from the system: `pattern` of its file name, its name and licence (SPDX)."""

    pattern: str
    name: str
    licence: str


# Inside wheels. Extension modules of a wheel (.cpython-311-x86_64-linux-gnu.so, .abi3.so, .pyd) are its own code and need no row.
IN_WHEELS = (
    Library(r"lib(torch|c10|shm|caffe2)(_\w+)?\.", "PyTorch", "BSD-3-Clause"),
    Library(r"(torch|c10|shm|fbgemm|asmjit|uv)(_\w+)?\.dll", "PyTorch", "BSD-3-Clause"),
    Library(r"libgomp", "OpenMP run-time library", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    Library(r"libiomp5md", "Intel OpenMP run-time library", "Intel Simplified Software License"),
    Library(r"libomp|libiomp5", "LLVM OpenMP run-time library", "Apache-2.0 WITH LLVM-exception"),
    Library(r"(lib)?scipy_openblas|(lib)?openblas", "OpenBLAS and LAPACK", "BSD-3-Clause"),
    Library(r"libgfortran|libgcc_s|libstdc\+\+", "GCC run-time libraries", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    Library(r"libwinpthread", "winpthreads of MinGW-w64", "MIT AND BSD-3-Clause-Clear"),
    Library(r"libquadmath", "libquadmath", "LGPL-2.1-or-later"),
    Library(r"(lib)?Qt6?[A-Z]\w*\.|Qt[A-Z]\w*$", "Qt", "LGPL-3.0-only"),
    Library(r"(lib)?(pyside6|shiboken6)\.", "Qt for Python", "LGPL-3.0-only"),
    Library(r"(lib)?q[\w-]+\.(so|dll|dylib)|lib((compose|ibus)platform|xdg-shell|adwaita|bradient)", "Qt", "LGPL-3.0-only"),
    Library(r"libicu(data|i18n|uc)\.|icu(dt|in|uc)\d*\.dll", "ICU", "Unicode-3.0"),
    Library(r"libvips", "libvips with its libraries", "LGPL-3.0-or-later"),
    Library(r"libheif|heif", "libheif", "LGPL-3.0-or-later"),
    Library(r"libde265", "libde265", "LGPL-3.0-or-later"),
    Library(r"libXau", "libXau", "MIT-open-group"),
    Library(r"libxcb", "libxcb", "X11"),
    Library(r"libavif", "libavif with dav1d, aom", "BSD-2-Clause"),
    Library(r"libbrotli", "Brotli", "MIT"),
    Library(r"libfreetype", "FreeType", "FTL"),
    Library(r"libharfbuzz", "HarfBuzz", "MIT-Modern-Variant"),
    Library(r"libjpeg", "libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib"),
    Library(r"liblcms2", "Little CMS", "MIT"),
    Library(r"liblzma", "liblzma", "0BSD"),
    Library(r"libopenjp2", "OpenJPEG", "BSD-2-Clause"),
    Library(r"libpng16", "libpng", "libpng-2.0"),
    Library(r"libsharpyuv|libwebp", "libwebp", "BSD-3-Clause"),
    Library(r"libtiff", "LibTIFF", "libtiff"),
    Library(r"libzstd", "Zstandard", "BSD-3-Clause"),
    Library(r"libz\.|zlib", "zlib", "Zlib"),
    Library(  # in the spelling of whatever asks for them: VCRUNTIME140.dll, MSVCP140.dll
        r"(?i:msvcp|vcruntime|concrt|vcomp|vcamp|vccorlib|ucrtbase|api-ms-win)",
        "Microsoft run-time libraries",
        "LicenseRef-Microsoft-Redistributable",
    ),
)

# From the Linux system that the build runs on: those that kept.FROM_SYSTEM lets in.
FROM_SYSTEM = (
    Library(r"libpython3", "Python", "PSF-2.0"),
    Library(r"lib(ssl|crypto)\.", "OpenSSL", "Apache-2.0"),
    Library(r"libffi", "libffi", "MIT"),
    Library(r"libsqlite3", "SQLite", "blessing"),
    Library(r"libbz2", "bzip2", "bzip2-1.0.6"),
    Library(r"libuuid", "libuuid", "BSD-3-Clause"),
    Library(r"libmpdec", "mpdecimal", "BSD-2-Clause"),
    Library(r"libtinfo|libncurses", "ncurses", "X11-distribute-modifications-variant"),
    Library(r"libbrotli", "Brotli", "MIT"),
    Library(r"libxcb-", "X.Org's xcb libraries", "X11"),
    Library(r"libxkbcommon", "xkbcommon", "MIT"),
    Library(r"lib(gssapi_krb5|krb5|krb5support|k5crypto)\.", "MIT Kerberos", "MIT"),
    Library(r"libcom_err", "libcom_err", "MIT"),
    Library(r"libkeyutils", "keyutils", "LGPL-2.1-or-later"),
)

# What only GPL code says of itself. Each has been looked for in files that hold it and in files that don't.
GPL_MARKS = (
    (b"--enable-gpl", "an ffmpeg that was configured with GPL parts"),
    (b"--enable-nonfree", "an ffmpeg that must not be passed on at all"),
    (b"x264_encoder_open", "x264"),
    (b"x265_api_get", "x265"),
    (b"rl_readline_version", "GNU readline"),
    (b"gdbm_version", "GNU dbm"),
    (b"fftw_assertion_failed", "FFTW"),
    (b"fftwf_assertion_failed", "FFTW"),
    (b"poppler_document_new", "Poppler"),
    (b"GNU Affero General Public", "an AGPL library"),
    (b"QVirtualKeyboardInputEngine", "Qt Virtual Keyboard"),
    (b"QWaylandCompositorPrivate", "Qt Wayland Compositor"),
)
# Modules of Qt that are GPL (or paid for), not LGPL: kept.QT_MODULES names none of them.
GPL_QT_MODULES = frozenset(
    {
        *("Charts", "CoAP", "DataVisualization", "Graphs", "Grpc", "HttpServer", "InsightTracker", "LottieVectorImageGenerator"),
        *("Mqtt", "NetworkAuth", "Protobuf", "Quick3D", "QuickTimeline", "ShaderTools", "VirtualKeyboard", "WaylandCompositor"),
    }
)
# GPL with an exception that lets anything be linked: the bootloader of PyInstaller, the run-time libraries of GCC.
WITH_EXCEPTION = re.compile(r"\bA?GPL-[\d.]+(?:-only|-or-later)? WITH [\w.-]+")
GPL = re.compile(r"(?<![A-Za-z])A?GPL", re.IGNORECASE)


def is_library(path: Path) -> bool:
    """True for a compiled file, told by its first bytes: ELF, Mach-O (thin or fat) or PE."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(4)
    return start[:4] in {b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"} or (start[:2] == b"MZ")


def is_extension(name: str) -> bool:
    """True for an extension module of Python, by its file name."""
    return bool(re.search(r"\.(cpython-\d+[\w-]*|abi3)\.so$|\.pyd$|^[a-z_0-9]+\.so$", name)) and not name.startswith("lib")


def known(name: str, libraries: tuple[Library, ...]) -> Library | None:
    """The row for a library's file name, or None."""
    return next((row for row in libraries if re.match(row.pattern, name)), None)


def is_gpl(licence: str) -> bool:
    """True where a licence (SPDX expression or a package's free text) leaves no way but the GPL.

    "LGPL OR GPL" leaves one, and so does an exception that allows linking.
    """
    ways = re.split(r"\bOR\b", WITH_EXCEPTION.sub("", licence))
    return all(GPL.search(way) for way in ways)


def gpl_marks(path: Path) -> list[str]:
    """What of GPL code a compiled file shows, in words; empty for a clean one."""
    if path.stat().st_size == 0:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sorted({says for mark, says in GPL_MARKS if data.find(mark) >= 0})
