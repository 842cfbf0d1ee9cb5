"""Colours that a file tells without a profile are those that its results show."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from app.photos import exif, profiles, told_colours
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.showing import photo_picture, thumbnail, to_picture

DATA = Path(__file__).parent / "data"
# Patches of one colour each, none of which leaves sRGB: 16 px, so that lossy formats keep their middle.
PATCHES = np.array(
    [
        [128, 128, 128],
        [200, 120, 100],
        [90, 150, 90],
        [70, 80, 160],
        [230, 220, 200],
        [30, 30, 30],
        [180, 90, 120],
        [255, 255, 255],
    ],
    np.uint8,
)
# CSS Color 4, section 18: linear Display P3, and linear Adobe RGB, to linear sRGB.
FROM_P3 = np.array(
    [[1.2249401763, -0.2249401763, 0], [-0.0420569547, 1.0420569547, 0], [-0.0196375546, -0.0786360456, 1.0982736001]]
)
FROM_ADOBE = np.array([[1.3983557440, -0.3983557440, 0], [0, 1, 0], [0, -0.0429289893, 1.0429289893]])


def picture() -> NDArray[np.uint8]:
    return np.repeat(np.repeat(PATCHES[None], 32, 0), 32, 1)


def shown(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The middle of each patch."""
    assert pixels.shape == (32, 32 * len(PATCHES), 3)
    return pixels[16, 16::32].astype(np.float64)


def srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    light = light.clip(0, 1)
    return np.asarray(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def light(numbers: NDArray[np.uint8]) -> NDArray[np.float64]:
    part = numbers / 255
    return np.asarray(np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4))


P3 = srgb(light(PATCHES) @ FROM_P3.T)
P3_2_2 = srgb((PATCHES / 255) ** 2.2 @ FROM_P3.T)
ADOBE = srgb((PATCHES / 255) ** (563 / 256) @ FROM_ADOBE.T)
LINEAR = srgb(PATCHES / 255)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, icc: bytes | None = None) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "PNG", **({"icc_profile": icc} if icc else {}))
    data = out.getvalue()
    return data[:33] + b"".join(chunks) + data[33:]


def chrm(*points: float) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(point * 100_000) for point in points)))


CHRM_P3 = chrm(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
CHRM_SRGB = chrm(0.3127, 0.329, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def avif(primaries: int, transfer: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "AVIF", quality=100, subsampling="4:4:4")
    told = b"nclx" + struct.pack(">HH", 1, 13)
    assert out.getvalue().count(told) == 1
    return out.getvalue().replace(told, b"nclx" + struct.pack(">HH", primaries, transfer))


def jpeg(block: bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0" + block)
    return out.getvalue()


def exif_of(space: int, sign: bytes | None) -> bytes:
    """An EXIF block whose directories follow each other: the first, the camera's, the one with the sign of DCF."""
    first = struct.pack("<HHHII I", 1, exif.EXIF_IFD, 4, 1, 26, 0)
    inner = struct.pack("<HHHII HHII I", 2, 0xA001, 3, 1, space, 0xA005, 4, 1, 56, 0)
    last = struct.pack("<HHHI4s I", 1, 1, 2, 4, sign or b"R98\0", 0)
    block = b"II*\0" + struct.pack("<I", 8) + first + inner + last
    assert (block[26:28], block[56:58]) == (b"\2\0", b"\1\0")
    return block


def tiff(*tags: tuple[int, list[tuple[int, int]]]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "TIFF", tiffinfo={tag: tuple(a / b for a, b in values) for tag, values in tags})
    return out.getvalue()


def bmp(*, profile: bytes | None = None, points: list[float] | None = None, gamma: float = 0) -> bytes:
    pixels = picture()
    body = pixels[::-1, :, ::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, pixels.shape[1], 32, 1, 24, 0, len(body), 2835, 2835, 0, 0) + bytes(16)
    head += b"DEBM" if profile else bytes(4)
    head += struct.pack("<9i", *(round(point * 2**30) for point in points or [0] * 9)) + struct.pack(
        "<3I", *[round(gamma * 65536)] * 3
    )
    head += struct.pack("<IIII", 4, 124 + len(body) if profile else 0, len(profile or b""), 0)
    assert len(head) == 124
    data = b"BM" + struct.pack("<IHHI", 138 + len(body) + len(profile or b""), 0, 0, 138) + head + body
    return data + (profile or b"")


def p3_profile() -> bytes:
    made = profiles.profile(profiles.Colours("P3", profiles._P3))
    assert made is not None
    return made


LINEAR_BY_CODE = chunk(b"cICP", bytes((1, 8, 0, 1)))
P3_XYZ = [0.68, 0.32, 0.0, 0.265, 0.69, 0.045, 0.15, 0.06, 0.79]
WHITE_TAG, PRIMARIES_TAG = (318, [(3127, 10_000), (3290, 10_000)]), (319, [(n, 1000) for n in (680, 320, 265, 690, 150, 60)])

TELLING: dict[str, tuple[Callable[[], bytes], NDArray[np.float64], float]] = {
    "png by code points": (lambda: png_with(chunk(b"cICP", bytes((12, 13, 0, 1)))), P3, 1.5),
    "png whose code points outdo its profile": (lambda: png_with(LINEAR_BY_CODE, icc=p3_profile()), LINEAR, 1.5),
    "png whose code points say nothing": (lambda: png_with(chunk(b"cICP", b"\2\2\0\1"), icc=p3_profile()), P3, 1.5),
    "png by points": (lambda: png_with(CHRM_P3), P3, 1.5),
    "png by points and gamma": (lambda: png_with(gama(1 / 2.2), CHRM_P3), P3_2_2, 1.5),
    "png of linear light": (lambda: png_with(gama(1.0)), LINEAR, 1.5),
    "avif": (lambda: avif(12, 13), P3, 2.5),
    "avif of linear light": (lambda: avif(1, 8), LINEAR, 6.0),
    "jpeg of a camera set to Adobe RGB": (lambda: jpeg(exif_of(65535, b"R03\0")), ADOBE, 2.5),
    "jpeg by a number that EXIF has not": (lambda: jpeg(exif_of(2, None)), ADOBE, 2.5),
    "tiff": (lambda: tiff(WHITE_TAG, PRIMARIES_TAG), P3_2_2, 1.5),
    "bmp by points": (lambda: bmp(points=P3_XYZ, gamma=2.2), P3_2_2, 1.5),
    "bmp with a profile": (lambda: bmp(profile=p3_profile()), P3, 1.5),
}  # fmt: skip


@pytest.mark.parametrize("what", TELLING)
def test_colours_that_a_file_tells_are_shown(tmp_path: Path, what: str) -> None:
    make, wanted, off = TELLING[what]
    path = tmp_path / "photo"
    path.write_bytes(make())
    photo = decode(path)
    assert photo.icc is not None
    assert np.abs(shown(photo_picture(photo)) - wanted).max() < off
    assert np.abs(shown(thumbnail(path, 10_000)) - wanted).max() < off + 0.5
    assert np.abs(photo.pixels[16, 16::32] - PATCHES.astype(int)).max() <= 2  # the numbers are as they were


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_results_show_the_colours_that_the_file_told(tmp_path: Path, format: str) -> None:
    photo = decode(png_with(chunk(b"cICP", bytes((12, 13, 0, 1)))))
    encode(photo, tmp_path / "result", format, quality=100)
    assert np.abs(shown(photo_picture(decode(tmp_path / "result"))) - P3).max() < 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: png_with(),
        lambda: png_with(chunk(b"cICP", bytes((1, 13, 0, 1)))),
        lambda: png_with(chunk(b"cICP", bytes((1, 1, 0, 1))), icc=p3_profile()),
        lambda: png_with(chunk(b"sRGB", b"\0"), gama(1.0), CHRM_P3),
        lambda: png_with(gama(0.45455), CHRM_SRGB),
        lambda: png_with(gama(0.45455)),
        lambda: png_with(gama(0.0), chrm(*[0.0] * 8)),
        lambda: avif(1, 13),
        lambda: avif(2, 2),
        lambda: avif(6, 6),
        lambda: avif(99, 13),
        lambda: jpeg(exif_of(1, b"R98\0")),
        lambda: jpeg(exif_of(65535, None)),
        lambda: tiff(WHITE_TAG),
        lambda: bmp(),
    ],
)
def test_what_is_srgb_or_tells_nothing_that_is_known_gets_no_profile(make: Callable[[], bytes]) -> None:
    photo = decode(make())
    if photo.icc is not None:  # SMPTE 170M's colours are nearly sRGB's
        assert np.abs(shown(photo_picture(photo)) - PATCHES).max() < 6
        return
    assert photo.warnings == ()
    assert np.array_equal(photo_picture(photo), photo.pixels)


def test_a_profile_in_an_avif_outdoes_code_points_and_jpegs_keep_theirs() -> None:
    out = io.BytesIO()
    Image.fromarray(picture()).save(
        out, "JPEG", quality=100, exif=b"Exif\0\0" + exif_of(65535, b"R03\0"), icc_profile=p3_profile()
    )
    assert decode(out.getvalue()).icc == p3_profile()


def heic(primaries: int, transfer: int) -> bytes:
    """The HEIC of 10 bits with code points put in: a property at the end of the others, which its second item (a cropped grid of
    the first) has."""
    data = (DATA / "RGB_10__29x100.heif").read_bytes()
    colr = struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", primaries, transfer, 1, 0x80)
    more = {b"meta": 20, b"iprp": 20, b"ipco": 19, b"ipma": 1}
    at = {kind: data.index(kind) - 4 for kind in (*more, b"iloc")}
    edited = bytearray(data)
    for kind, size in more.items():
        struct.pack_into(">I", edited, at[kind], struct.unpack_from(">I", data, at[kind])[0] + size)
    place = data.index(b"\0\0\1\xcc", at[b"iloc"])
    struct.pack_into(">I", edited, place, 0x1CC + 20)
    end = at[b"ipma"] + struct.unpack_from(">I", data, at[b"ipma"])[0]
    assert edited[end - 3 : end] == b"\2\3\x84"
    edited[end - 3] = 3
    return bytes(edited[: at[b"ipma"]]) + colr + bytes(edited[at[b"ipma"] : end]) + b"\x05" + bytes(edited[end:])


def test_heic_by_code_points() -> None:
    plain, told = decode(heic(1, 13)), decode(heic(12, 13))
    assert plain.icc is None
    assert told.icc is not None
    assert np.array_equal(told.pixels, plain.pixels)
    seen, wanted = photo_picture(told).astype(float), srgb(light(np.rint(plain.pixels / 257).astype(np.uint8)) @ FROM_P3.T)
    assert np.abs(seen - wanted).mean() < 0.5


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_keeps_its_numbers_and_says_what_they_are(tmp_path: Path, transfer: int, name: str) -> None:
    photo = decode(heic(9, transfer))
    assert photo.icc is not None
    assert b"cicp\0\0\0\0" + bytes((9, transfer, 0, 1)) in photo.icc
    assert any(f"BT.2020 {name}" in said for said in photo.warnings)
    encode(photo, tmp_path / "result.png", "png")
    again = decode(tmp_path / "result.png")
    assert again.icc == photo.icc
    assert np.array_equal(again.pixels, photo.pixels)
    # Middle grey of paper stays what it is, paper is below white, more light is never darker: without HDR too.
    steps = np.linspace(0, 65535, 257).astype(np.uint16)[None, :, None].repeat(3, 2)
    grey = to_picture(steps, photo.icc)[0, :, 1].astype(int)
    paper = {"PQ": 0.5807, "HLG": 0.75}[name]
    assert 215 < grey[round(paper * 256)] < 240
    assert (grey[0], grey[-1]) == (0, 255)
    assert (np.diff(grey) >= 0).all()


@pytest.mark.parametrize("codes", [(p, t) for p in profiles._PRIMARIES for t in profiles._CURVES])
def test_every_profile_is_one_that_others_read_and_leaves_grey_grey(codes: tuple[int, int]) -> None:
    colours = profiles.from_codes(*codes)
    assert colours is not None
    for is_grey in (False, True):
        made = profiles.profile(colours, is_grey)
        assert made is not None
        assert len(made) == int.from_bytes(made[:4], "big")
        read = ImageCms.ImageCmsProfile(io.BytesIO(made))
        assert ImageCms.getProfileDescription(read).strip() == colours.name
        assert read.profile.xcolor_space.strip() == ("GRAY" if is_grey else "RGB")
    steps = np.linspace(0, 255, 16).astype(np.uint8)[None, :, None].repeat(3, 2)
    seen = to_picture(steps, profiles.profile(colours)).astype(int)
    assert np.ptp(seen, axis=2).max() <= 1
    assert seen[0, -1].tolist() == [255, 255, 255]


def test_grey_pictures_get_a_profile_of_grey(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(picture()[..., 0]).save(out, "PNG")
    data = out.getvalue()
    photo = decode(data[:33] + gama(1.0) + data[33:])
    assert photo.icc is not None
    assert photo.icc[16:20] == b"GRAY"
    assert np.abs(shown(photo_picture(photo)) - LINEAR[:, :1]).max() < 1.5
    encode(photo, tmp_path / "result.jpg", "jpeg", quality=100)
    assert decode(tmp_path / "result.jpg").icc == photo.icc


def test_a_camera_set_to_adobe_rgb_is_told_of() -> None:
    assert "Adobe RGB" in decode(jpeg(exif_of(65535, b"R03\0"))).warnings[0]


@pytest.mark.parametrize(
    "make", [lambda: avif(12, 13), lambda: heic(12, 13), lambda: png_with(CHRM_P3), lambda: bmp(points=P3_XYZ)]
)
def test_damaged_heads_are_read_without_harm(make: Callable[[], bytes]) -> None:
    whole, dice = make(), random.Random(3)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(min(len(data), 700))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
        broken = bytes(data[: dice.choice((len(data), dice.randrange(len(data))))])
        for name in ("avif", "heic", "png", "bmp", "tiff", "jpeg"):
            told_colours.read(io.BytesIO(broken), name)


@pytest.mark.parametrize(
    "box",
    [struct.pack(">I4s", 4, b"meta"), struct.pack(">I4s", 7, b"meta"), b"\0\0\0", b"\0\0\0\1mdat"]
    + [struct.pack(">I4sQ", 1, b"mdat", 2**bits - 1) for bits in (62, 63, 64)],
)
def test_boxes_that_end_before_they_begin_or_where_no_file_reaches_do_no_harm(tmp_path: Path, box: bytes) -> None:
    path = tmp_path / "odd.avif"
    path.write_bytes(struct.pack(">I4s4sI4s", 20, b"ftyp", b"avif", 0, b"avif") + box)
    with path.open("rb") as file:  # of the disk: one in memory takes places that others do not
        assert told_colours.read(file, "avif") is None
        assert told_colours.read(file, "heic") is None


def test_points_of_no_colours_do_no_harm() -> None:
    dice = random.Random(4)
    for _ in range(300):
        points = [dice.choice((0, 1e-5, 0.3, 0.9, 4e4, dice.random())) for _ in range(8)]
        photo = decode(png_with(gama(dice.uniform(0, 2)), chrm(*points)))
        assert photo_picture(photo).shape == (32, 256, 3)


def test_points_that_span_nothing_are_told_and_left() -> None:
    photo = decode(png_with(chrm(0.3127, 0.329, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)))
    assert photo.icc is None
    assert "cannot be followed" in photo.warnings[0]


def test_a_profile_in_a_bmp_that_is_none_is_left_out() -> None:
    assert decode(bmp(profile=b"x" * 200)).icc is None


def test_a_profile_in_a_bmp_that_does_not_fit_is_told() -> None:
    grey = profiles.profile(profiles.ADOBE_RGB, grey=True)
    photo = decode(bmp(profile=grey))
    assert photo.icc is None
    assert photo.warnings == ("Its colour profile does not fit its channels and was left out.",)


def test_of_inks_nothing_is_told_that_was_not_done(tmp_path: Path) -> None:
    path, block = tmp_path / "inks.jpg", b"Exif\0\0" + exif_of(65535, b"R03\0")
    Image.new("CMYK", (16, 16), (60, 160, 160, 0)).save(path, "JPEG", exif=block)
    photo = decode(path)
    assert photo.icc is None
    assert np.abs(thumbnail(path, 16).astype(int) - photo_picture(photo)).max() <= 2
    assert photo.warnings == ("Its CMYK colours were converted to sRGB.",)
