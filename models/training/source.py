"""Where training photos come from: a folder, a zip or tar archive, or a folder with archives. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from models.errors import BadInput

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
LARGEST_MEMBER = 256 << 20  # bytes; a training photo is far smaller, a larger member is a mistake or a bomb


class Source:
    """Files by relative name (`photos/a.webp`), wherever they lie. `BadInput` where the path holds nothing that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers: dict[str, Callable[[], bytes]] = {}
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    if file.name.lower().endswith(_ARCHIVES):
                        self._add_archive(file)
                    else:
                        self._readers[file.relative_to(path).as_posix()] = file.read_bytes
        elif path.is_file():
            self._add_archive(path)
        if not self._readers:
            raise BadInput(f"There is nothing to train on in {path}.", hint="Give a folder, a zip or a tar file with photos.")

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._readers)

    def photos(self) -> list[str]:
        """The names that end like a photo."""
        return [name for name in self.names() if name.lower().endswith(PHOTO_ENDINGS)]

    def read(self, name: str) -> bytes:
        """Bytes of one file; KeyError where there is none of this name, OSError where it cannot be read."""
        return self._readers[name]()

    def find(self, ending: str) -> str | None:
        """The shortest name that is `ending` or ends with `/ending`."""
        found = [name for name in self._readers if name == ending or name.endswith("/" + ending)]
        return min(found, key=len) if found else None

    def _add_archive(self, path: Path) -> None:
        try:
            if zipfile.is_zipfile(path):
                self._add_zip(zipfile.ZipFile(path))
            else:
                self._add_tar(tarfile.open(path))  # noqa: SIM115 - read from as long as this source lives
        except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise BadInput(f"{path.name} cannot be read as an archive.", f"{error}.") from error

    def _add_zip(self, archive: zipfile.ZipFile) -> None:
        for member in archive.infolist():
            if not member.is_dir() and member.file_size <= LARGEST_MEMBER:
                self._readers[_plain(member.filename)] = lambda m=member: archive.read(m)  # type: ignore[misc]

    def _add_tar(self, archive: tarfile.TarFile) -> None:
        def reader(member: tarfile.TarInfo) -> Callable[[], bytes]:
            def read() -> bytes:
                file = archive.extractfile(member)
                return (file or io.BytesIO()).read()

            return read

        for member in archive.getmembers():
            if member.isfile() and member.size <= LARGEST_MEMBER:
                self._readers[_plain(member.name)] = reader(member)


def _plain(name: str) -> str:
    """A member's name without a leading `./`: names are only compared and shown, never opened."""
    return PurePosixPath(name.replace("\\", "/")).as_posix().removeprefix("./")
