"""From a bare machine to a running Ganvas: an environment of its own, what Qt needs of the system, then the tour or the tests.

    python3 packaging/bootstrap.py tour [--out DIR]     install, get the recommended models, run `ganvas tour`
    python3 packaging/bootstrap.py test [PYTEST ...]    install with the development tools, run the tests

Needs nothing but Python 3.11 or newer with pip and venv. Running it again reuses the environment in .venv.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"

# What Qt's libraries load from a Debian system, as `ldd` over them tells: the first line for drawing without a display, the
# second for a window under X11.
DEBIAN_PACKAGES = (
    *("libegl1", "libgl1", "libdbus-1-3", "libfontconfig1", "libglib2.0-0", "libxkbcommon0"),
    *("libxkbcommon-x11-0", "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0"),
)


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


def call(*command: str | Path, **environment: str) -> None:
    """Run a command in the checkout; leave with its exit code where it fails."""
    words = [str(word) for word in command]
    code = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}).returncode
    if code:
        say(f"this step failed with exit code {code}: {' '.join(words)}")
        raise SystemExit(code)


def is_installed(package: str) -> bool:
    """True where Debian has the package, also under the names of the 64-bit time transition (libglib2.0-0t64)."""
    for name in (package, package + "t64"):
        query = subprocess.run(["dpkg-query", "-W", "-f=${Status}", name], capture_output=True, text=True)
        if query.stdout.endswith("install ok installed"):
            return True
    return False


def install_system_packages() -> None:
    """On Debian and its kin, install the libraries that Qt loads and the machine lacks; elsewhere Qt's wheel is enough."""
    if not (shutil.which("dpkg-query") and shutil.which("apt-get")):
        return
    missing = [package for package in DEBIAN_PACKAGES if not is_installed(package)]
    if not missing:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if as_root and not shutil.which("sudo"):
        say(f"please have an administrator run: apt-get install {' '.join(missing)}")
        raise SystemExit(1)
    say(f"installing what Qt needs of the system: {' '.join(missing)}")
    call(*as_root, "apt-get", "update", "-qq")
    call(
        *as_root,
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        *missing,
        DEBIAN_FRONTEND="noninteractive",
    )


def install(extra: str) -> Path:
    """Make the environment, install the checkout into it in place, and give back the folder of its programs."""
    programs = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
    if not (programs / ("python.exe" if os.name == "nt" else "python")).exists():
        say(f"making an environment in {ENVIRONMENT}")
        venv.create(ENVIRONMENT, with_pip=True)
    say("installing Ganvas and what it needs (a few minutes the first time)")
    call(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f".{extra}")
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tour", "test"))
    args, rest = parser.parse_known_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever Python the machine has
        raise SystemExit("Ganvas needs Python 3.11 or newer.")
    install_system_packages()
    if args.what == "tour":
        programs = install("")
        call(programs / "ganvas", "models", "get")
        call(programs / "ganvas", "tour", *rest)
    else:
        programs = install("[dev]")
        call(programs / "python", "-m", "pytest", *rest)


if __name__ == "__main__":
    main()
