"""Where training photos come from: a folder, a zip or tar archive, or a folder with archives. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from models.errors import BadInput

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
LARGEST_MEMBER = 256 << 20  # bytes; a training photo is far smaller, a larger member is a mistake or a bomb
GIVE = "Give a folder, a zip or a tar file with photos."


class Source:
    """Files by relative name (`photos/a.webp`), wherever they lie. `BadInput` where the path holds nothing that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers: dict[str, Callable[[], bytes]] = {}
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not _is_hidden(file.name):
                    if file.name.lower().endswith(_ARCHIVES):
                        self._add_archive(file)
                    else:
                        self._readers[self._free(file.relative_to(path).as_posix(), path.name)] = file.read_bytes
        elif path.is_file():
            self._add_archive(path)
        if not self._readers:
            raise BadInput(f"There is nothing to train on in {path}.", hint=GIVE)

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
                self._add_zip(zipfile.ZipFile(path), path.name)
            else:
                self._add_tar(tarfile.open(path), path.name)  # noqa: SIM115 - read from as long as this source lives
        except tarfile.ReadError as error:  # it tells over several lines what each way of packing said
            raise BadInput(f"{path.name} is neither a zip nor a tar file, or it is cut off.", hint=GIVE) from error
        except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise BadInput(f"{path.name} cannot be read as an archive.", f"{error}.") from error

    def _add_zip(self, archive: zipfile.ZipFile, within: str) -> None:
        for member in archive.infolist():
            if not member.is_dir() and member.file_size <= LARGEST_MEMBER and not _is_hidden(member.filename):
                self._readers[self._free(member.filename, within)] = partial(archive.read, member)

    def _add_tar(self, archive: tarfile.TarFile, within: str) -> None:
        def read(member: tarfile.TarInfo) -> bytes:
            file = archive.extractfile(member)
            return (file or io.BytesIO()).read()

        for member in archive.getmembers():
            if member.isfile() and member.size <= LARGEST_MEMBER and not _is_hidden(member.name):
                self._readers[self._free(member.name, within)] = partial(read, member)

    def _free(self, name: str, within: str) -> str:
        """A file's name; where another archive has one of that name, it stands below `within`."""
        plain = _plain(name)
        return f"{within}/{plain}" if plain in self._readers else plain


def _is_hidden(name: str) -> bool:
    """Whether a file is none of a person's: macOS lays one (._a.jpg) beside each into the archives that it makes."""
    return PurePosixPath(name).name.startswith(".")


def _plain(name: str) -> str:
    """A member's name without a leading `./`: names are only compared and shown, never opened."""
    return PurePosixPath(name.replace("\\", "/")).as_posix().removeprefix("./")
