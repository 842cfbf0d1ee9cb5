"""What a Linux desktop reads of Ganvas: menu entry, metadata, MIME type, icons, and the Debian package around them."""

from __future__ import annotations

import configparser
import re
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree.ElementTree import Element

import contents
import defusedxml.ElementTree as ElementTree
import icons
import pytest

ROOT = contents.ROOT
LINUX = ROOT / "packaging" / "linux"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

sys.path.insert(0, str(LINUX))


def desktop() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(LINUX / "ganvas.desktop", encoding="utf-8")
    return parser["Desktop Entry"]


def metainfo() -> Element:
    return ElementTree.parse(LINUX / "org.ganvas.ganvas.metainfo.xml").getroot()


def test_the_menu_entry_hands_several_files_to_one_program() -> None:
    assert desktop()["Exec"] == "ganvas %F"
    assert desktop()["Terminal"] == "false"


def test_the_window_names_the_menu_entry_so_that_desktops_find_its_icon() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    assert re.findall(r"""setDesktopFileName\(["'](\w+)["']\)""", text) == ["ganvas"]
    assert desktop()["Icon"] == "ganvas"


def test_every_picture_type_of_the_menu_entry_is_one_that_ganvas_reads() -> None:
    from app.photos.formats import FORMATS

    readable = {extension for known in FORMATS.values() for extension in (known.name, *known.extensions)}
    kinds = [kind for kind in desktop()["MimeType"].split(";") if kind.startswith("image/")]
    assert len(kinds) > 5
    assert {kind.removeprefix("image/") for kind in kinds} <= readable


def test_documents_of_ganvas_are_a_type_that_the_menu_entry_opens() -> None:
    root = ElementTree.parse(LINUX / "ganvas-mime.xml").getroot()
    spaces = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    kind = root.find("m:mime-type", spaces)
    assert kind is not None
    assert kind.attrib["type"] in desktop()["MimeType"].split(";")
    glob = kind.find("m:glob", spaces)
    assert glob is not None
    assert glob.attrib["pattern"] == "*.ganvas"


def test_the_metadata_tells_this_version_first() -> None:
    release = metainfo().find("releases/release")
    assert release is not None
    assert release.attrib["version"] == PROJECT["version"]


def test_metadata_and_menu_entry_speak_of_the_same_program() -> None:
    assert metainfo().findtext("launchable") == "ganvas.desktop"
    assert metainfo().findtext("project_license") == PROJECT["license"]
    assert metainfo().findtext("provides/binary") in PROJECT["scripts"]


@pytest.mark.skipif(not shutil.which("appstreamcli"), reason="appstreamcli is not installed")
def test_appstreamcli_finds_no_fault() -> None:
    done = subprocess.run(
        ["appstreamcli", "validate", "--no-net", LINUX / "org.ganvas.ganvas.metainfo.xml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="desktop-file-validate is not installed")
def test_desktop_file_validate_finds_no_fault() -> None:
    done = subprocess.run(["desktop-file-validate", LINUX / "ganvas.desktop"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_icons_are_drawn_in_the_sizes_that_systems_ask_for(tmp_path: Path, qapp: object) -> None:
    icons.make(tmp_path)
    for size in (16, 22, 24, 32, 48, 64, 128, 256, 512):
        data = (tmp_path / f"ganvas-{size}.png").read_bytes()
        assert struct.unpack(">II", data[16:24]) == (size, size)
    assert (tmp_path / "ganvas.ico").read_bytes()[:4] == b"\0\0\1\0"
    assert (tmp_path / "ganvas.icns").read_bytes()[:4] == b"icns"


def test_a_small_icon_is_not_an_empty_one(tmp_path: Path, qapp: object) -> None:
    drawn = icons.draw(16)
    colours = {pixel[:3] for _, pixel in drawn.getcolors(256) or [] if pixel[3] > 200}
    assert len(colours) > 20
    assert drawn.getpixel((0, 0))[3] < 40


needs_linux = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("readelf") or not shutil.which("cc"),
    reason="needs Linux, binutils and a compiler",
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder with one real program and one real library in it, as a build has them."""
    folder = tmp_path / "dist" / "ganvas"
    (folder / "_internal").mkdir(parents=True)
    source = tmp_path / "program.c"
    source.write_text("#include <math.h>\nint main(int n, char **v) { return (int) cos(n); }\n")
    subprocess.run(["cc", "-o", folder / "ganvas", source, "-Wl,--no-as-needed", "-lm"], check=True)
    (folder / "_internal" / "words.txt").write_text("words")
    (folder / "_internal" / "link.txt").symlink_to("words.txt")
    return folder


@needs_linux
def test_the_package_depends_on_what_its_files_ask_of_the_system(built: Path) -> None:
    import deb

    needed, wanted = deb.depends(built)
    assert any(re.fullmatch(r"libc6 \(>= 2\.\d+\)", name) for name in needed)
    assert "xkb-data" in needed
    assert wanted == []


@needs_linux
def test_a_library_of_no_known_package_stops_the_package(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import deb

    monkeypatch.delitem(deb.PACKAGES, "libm.so.6")
    with pytest.raises(SystemExit, match=r"libm\.so\.6"):
        deb.depends(built)


@needs_linux
@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
def test_the_package_puts_everything_where_a_desktop_looks(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import deb

    drawn = tmp_path / "icons"
    drawn.mkdir()
    for size in (16, 48):
        (drawn / f"ganvas-{size}.png").write_bytes(b"png")
    monkeypatch.setattr(deb, "ICONS", drawn)
    root = tmp_path / "root"
    deb.lay_out(built, root)
    deb.control(root, built, "1.2.3")
    package = tmp_path / "ganvas.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, package], check=True, capture_output=True)
    listed = subprocess.run(["dpkg-deb", "--contents", package], check=True, capture_output=True, text=True).stdout
    for place in (
        "./opt/ganvas/ganvas",
        "./opt/ganvas/_internal/link.txt -> words.txt",
        "./usr/bin/ganvas -> ../../opt/ganvas/ganvas",
        "./usr/share/applications/ganvas.desktop",
        "./usr/share/metainfo/org.ganvas.ganvas.metainfo.xml",
        "./usr/share/mime/packages/ganvas.xml",
        "./usr/share/icons/hicolor/48x48/apps/ganvas.png",
        "./usr/share/icons/hicolor/scalable/apps/ganvas.svg",
        "./usr/share/doc/ganvas/copyright",
    ):
        assert place in listed
    assert all(re.match(r"[d-]rwxr-xr-x|-rw-r--r--|lrwxrwxrwx", line) for line in listed.splitlines())
    assert not re.search(r" \./(etc|var)/", listed), "what a package puts there is left behind when it is removed"
    told = subprocess.run(["dpkg-deb", "--info", package], check=True, capture_output=True, text=True).stdout
    assert "Version: 1.2.3" in told
    assert not re.search(r"(post|pre)(inst|rm)", told)


@needs_linux
def test_versions_asked_for_are_told_from_versions_offered(built: Path) -> None:
    import elf

    told = elf.needs(built / "ganvas")
    assert "libc.so.6" in told.libraries
    assert elf.newest([built / "ganvas"], "GLIBC") >= (2, 2)
    assert elf.newest([built / "ganvas"], "GLIBCXX") == ()
