"""What tests of morphs ask of files: how long an animation is, and when one was left that nobody waits for."""

import time

from PIL import Image

LONG_AGO = time.time() - 2 * 24 * 3600


def length(animation: Image.Image) -> int:
    """Milliseconds of the whole."""
    whole = 0
    for number in range(animation.n_frames):
        animation.seek(number)
        animation.load()
        whole += animation.info["duration"]
    return whole
