"""Jobs of the Upscale panel that are killed again and again, at random moments, and go on: nothing is lost, doubled or half.

    python benchmarks/upscale_killed.py photos [--times 50] [--photos 60] [--model photo-x2] [--moving] [--streamed tiff]
    python benchmarks/upscale_killed.py film [--times 10] [--frames 96] [--model photo-x2]

A real small network runs; "tiny" names one of one layer. `--moving` puts GIFs and animated WebPs among the photos, `--streamed`
has every result written row by row while it is made, as giants are, in a format. `film` is a video, which takes an ffmpeg. They
end with exit code 1 where anything was lost, doubled or broken. All that is written lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from app.photos.animation import Animation, decode_animation, encode_animation  # noqa: E402
from app.photos.decoding import decode, probe  # noqa: E402
from app.photos.encoding import encode  # noqa: E402
from app.photos.photo import Photo, PhotoError  # noqa: E402
from benchmarks.upscale import command, sample, tiny_model  # noqa: E402

# Every result goes to the disk while it is made.
STREAMED = "from app.upscale import making\nmaking.STREAM_BYTES = 0"


def _photos_to_kill(folder: Path, count: int, moving: bool) -> list[str]:
    """So many small photos in a folder, every fourth an animation where some are to move; the stems of their names."""
    whole = sample().pixels
    names = []
    for i in range(count):
        top, left = 7 * i % (whole.shape[0] - 72), 11 * i % (whole.shape[1] - 96)
        piece = np.ascontiguousarray(whole[top : top + 72, left : left + 96])
        names.append(f"photo{i:03}")
        if moving and i % 4 == 0:
            frames = np.stack([np.roll(piece, 9 * turn, 1) for turn in range(8)])
            format = ("gif", "webp")[i // 4 % 2]
            parts = encode_animation(Animation(frames, (80,) * len(frames), 0), format)
            (folder / f"{names[-1]}.{format}").write_bytes(b"".join(parts))
        else:
            encode(Photo(piece), folder / f"{names[-1]}.png")
    return names


def _whole_result(path: Path) -> bool:
    """Whether this is a finished result of one of these photos."""
    try:
        facts, photo = probe(path), decode(path)
    except PhotoError:
        return False
    moves = path.suffix in (".gif", ".webp")
    return (photo.width, photo.height) == (192, 144) and (not moves or len(decode_animation(path).frames) == 8 == facts.pages)


def _killed(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether it had to be killed, since it had not ended within so many seconds."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False


def photos(args: argparse.Namespace, folder: Path) -> bool:
    home, out = folder / "home", folder / "out"
    model = tiny_model(home, 2) if args.model == "tiny" else args.model
    (folder / "in").mkdir()
    stems = [f"{name}_{model}_x2" for name in _photos_to_kill(folder / "in", args.photos, args.moving)]
    words = ["in", "--out", "out", "--model", model, "--device", "cpu", "--json"]
    words += ["--format", args.streamed] if args.streamed else []
    before_all = STREAMED if args.streamed else ""
    chance, wrong, killed, jobs = random.Random(4), 0, 0, 0
    before: dict[str, int] = {}
    again = 0

    def results() -> dict[str, int]:
        """What bears a final name, with its time; what is broken of it, or went, counts as wrong."""
        nonlocal wrong
        made = {path.name: path.stat().st_mtime_ns for path in out.glob("*") if not path.name.startswith(".ganvas-")}
        wrong += len(before.keys() - made.keys()) + sum(not _whole_result(out / name) for name in made)
        return made

    def ended() -> None:
        """The job came to its end: each photo has one result, and nothing else is there."""
        nonlocal wrong, jobs
        jobs += 1
        wrong += sorted(path.stem for path in out.iterdir()) != stems

    while killed < args.times:
        process = command(home, [*words, "--resume"], folder, before_all)
        killed += _killed(process, chance.uniform(2.0, args.longest))
        made = results()
        again += sum(made[name] != stamp for name, stamp in before.items() if name in made)
        before = made
        if process.returncode == 0:  # the next job begins with nothing
            ended()
            shutil.rmtree(out)
            before = {}
    command(home, [*words, "--resume"], folder, before_all).communicate()
    results()
    ended()
    print(
        f"killed {killed} times in {jobs} jobs of {args.photos} photos: {wrong} lost, doubled or broken; {again} done once more"
    )
    return wrong == 0


# Short segments, all of one length: then a result does not depend on where it was killed.
SHORT = "from app.upscale import moving\nmoving.LEAST_FRAMES, moving.SEGMENT_SECONDS = 8, 0.0"


def film(args: argparse.Namespace, folder: Path) -> bool:
    from app.video import program
    from app.video.facts import look
    from app.video.reading import FrameReader

    home, path = folder / "home", folder / "film.mp4"
    source = f"testsrc2=s=96x64:r=24:d={args.frames / 24}"
    words = ["-v", "error", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", f"sine=d={args.frames / 24}", "-pix_fmt", "yuv420p"]
    subprocess.run([str(program.find()), *words, str(path)], check=True)
    words = [path.name, "--model", args.model, "--device", "cpu", "--json"]

    def frames(made: Path) -> list[int]:
        reader = FrameReader(made, look(made, "mp4"))
        try:
            return [hash(frame.pixels.tobytes()) for frame in iter(reader.next, None)]
        finally:
            reader.close()

    command(home, [*words, "--out", "whole"], folder, SHORT).communicate()
    (whole,) = (folder / "whole").glob("*.mp4")
    wanted = frames(whole)
    chance, killed, done, wrong = random.Random(4), 0, 0, 0
    while killed < args.times:
        process = command(home, [*words, "--out", "out", "--resume"], folder, SHORT)
        if _killed(process, chance.uniform(2.0, args.longest)):
            killed += 1
            continue
        done += 1
        left = list((folder / "out").iterdir())
        wrong += len(left) != 1 or frames(left[0]) != wanted
        shutil.rmtree(folder / "out")
    command(home, [*words, "--out", "out", "--resume"], folder, SHORT).communicate()
    left = list((folder / "out").iterdir())
    wrong += len(left) != 1 or frames(left[0]) != wanted
    print(f"killed {killed} times on the way to {done + 1} results of {len(wanted)} frames: {wrong} not as without a kill")
    return wrong == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("photos")
    one.add_argument("--times", type=int, default=50)
    one.add_argument("--photos", type=int, default=60)
    one.add_argument("--model", default="photo-x2")
    one.add_argument("--longest", type=float, default=8.0, help="seconds until a kill, at most")
    one.add_argument("--moving", action="store_true", help="with animations among the photos")
    one.add_argument("--streamed", choices=("png", "tiff"), help="results are written while they are made, in this format")
    two = kinds.add_parser("film")
    two.add_argument("--times", type=int, default=10)
    two.add_argument("--frames", type=int, default=96)
    two.add_argument("--model", default="photo-x2")
    two.add_argument("--longest", type=float, default=12.0, help="seconds until a kill, at most")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganvas-benchmark-") as folder:
        holds = {"photos": photos, "film": film}[args.kind](args, Path(folder))
    if not holds:
        print("That is not what was promised.")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
