"""Install the Debian package into a clean root, try the program there, remove the package, and look for what it left.

    debootstrap --variant=minbase bookworm ROOT
    python packaging/linux/clean_root.py ROOT dist/ganvas_0.1.0_amd64.deb --wheels build/packaging/wheels

As root, on a machine that reaches Debian's packages. ROOT keeps the packages that ours depends on: make a new one for each
trial. The libraries are checked before Python, which the smoke test needs, is there to bring some along.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TRIAL = "trial"  # where the smoke test and the models lie inside the root
# Asked for by plugins that only somebody with Wayland or GTK needs; the package recommends or leaves them.
MAY_BE_MISSING = ("libwayland-",)
# What installing anything changes: caches, lists and logs of the package system and of the loader.
OTHERS = (
    "var/cache/",
    "var/lib/apt/",
    "var/lib/dpkg/",
    "var/log/",
    "etc/ld.so.cache",
    "var/lib/systemd/",
    "run/",
    "tmp/",
    f"{TRIAL}/",
)


@contextmanager
def mounted(root: Path) -> Iterator[None]:
    """The kernel's file systems inside the root, and the way to the network's names; taken away again at the end."""
    places = [("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev"), ("tmpfs", "dev/shm")]
    done = []
    try:
        for kind, place in places:
            (root / place).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, root / place], check=True)
            done.append(root / place)
        shutil.copyfile("/etc/resolv.conf", root / "etc" / "resolv.conf")
        for name in ("apt.conf", "apt.conf.d"):  # how this machine reaches Debian's packages
            source, target = Path("/etc/apt") / name, root / "etc" / "apt" / name
            if source.is_file():
                shutil.copyfile(source, target)
            elif source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
        yield
    finally:
        for place in reversed(done):
            subprocess.run(["umount", "--lazy", place], check=False)


def inside(root: Path, *words: str, quiet: bool = False) -> str:
    """Run a command inside the root; its output. Leaves where it fails."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
        "LANG": "C.UTF-8",
        "HOME": "/root",
    }
    environment.update({key: value for key, value in os.environ.items() if key.endswith("_proxy")})
    done = subprocess.run(
        ["chroot", root, *words], env=environment, stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}\n{(done.stdout or '')[-3000:]}")
    return done.stdout or ""


def missing_libraries(root: Path) -> dict[str, list[str]]:
    """Libraries that the loader does not find for the installed files, each with the files that ask for it."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "opt" / "ganvas").rglob("*.so*")):
        if path.is_symlink():
            continue
        place = "/" + str(path.relative_to(root))
        environment = {
            "LD_LIBRARY_PATH": "/opt/ganvas/_internal:/opt/ganvas/_internal/torch/lib",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        told = subprocess.run(["chroot", root, "ldd", place], env=environment, capture_output=True, text=True).stdout
        for line in told.splitlines():
            if "not found" in line:
                found.setdefault(line.split()[0], []).append(place)
    return found


def listing(root: Path) -> set[str]:
    """All paths of the root that belong to what is installed."""
    found = set()
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if (here, name) not in {(".", "proc"), (".", "sys"), (".", "dev")}]
        found.update(os.path.normpath(os.path.join(here, name)) for name in [*folders, *files])
    return {path for path in found if not (path + "/").startswith(OTHERS) and not path.startswith(OTHERS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("package", type=Path)
    parser.add_argument("--wheels", type=Path, required=True, help="folder with the wheels of the recommended models")
    parser.add_argument("--keep", type=Path, help="folder to copy the tour's pictures to")
    parser.add_argument("--only", nargs="*", default=[], metavar="STEP", help="run these steps of the smoke test alone")
    args = parser.parse_args()
    root, trial = args.root.resolve(), args.root.resolve() / TRIAL
    trial.mkdir(exist_ok=True)
    shutil.copytree(ROOT / "packaging", trial / "packaging", dirs_exist_ok=True)
    (trial / "resources").mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "resources" / "recommended.json", trial / "resources" / "recommended.json")
    shutil.copytree(args.wheels, trial / "wheels", dirs_exist_ok=True)
    shutil.copyfile(args.package, trial / args.package.name)
    with mounted(root):
        inside(root, "apt-get", "update", "-qq", quiet=True)
        inside(root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", f"/{TRIAL}/{args.package.name}", quiet=True)
        print("-- installed", flush=True)
        missing = {name: files for name, files in missing_libraries(root).items() if not name.startswith(MAY_BE_MISSING)}
        if missing:
            raise SystemExit("\n".join(f"{name} is missing, asked for by {files[0]}" for name, files in missing.items()))
        print("-- every library is found", flush=True)
        inside(root, "ganvas", "--version")
        inside(root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3", quiet=True)
        with_ganvas = listing(root)
        shutil.rmtree(trial / "kept", ignore_errors=True)
        smoke = [f"/{TRIAL}/packaging/smoke.py", "/opt/ganvas", "--wheels", f"/{TRIAL}/wheels", "--keep", f"/{TRIAL}/kept"]
        inside(root, "python3", *smoke, *(["--only", *args.only] if args.only else []))
        if args.keep and (trial / "kept" / "tour").is_dir():
            shutil.copytree(trial / "kept" / "tour", args.keep, dirs_exist_ok=True)
        owned = set(inside(root, "dpkg-query", "-L", "ganvas", quiet=True).split("\n"))
        inside(root, "apt-get", "purge", "-y", "-qq", "ganvas", quiet=True)
    after = listing(root)
    ours = {path.lstrip("/") for path in owned if path not in {"", "/."}}
    left = sorted(path for path in after & ours if not is_shared(root, path))
    left += sorted(path for path in after - with_ganvas if not path.startswith("root/"))
    if left:
        raise SystemExit("left behind:\n" + "\n".join(left))
    print("-- removed without a rest")


def is_shared(root: Path, path: str) -> bool:
    """True for a folder that another package has too (/usr, /usr/share/doc ...)."""
    asked = subprocess.run(["chroot", root, "dpkg-query", "-S", f"/{path}"], capture_output=True, text=True)
    return asked.returncode == 0


if __name__ == "__main__":
    main()
