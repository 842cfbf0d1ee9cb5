"""What goes to a device and what comes back is what it was, whatever lies around it in memory."""

import numpy as np
import torch

from models.carrying import Arrival, looked, sent

PROCESSOR = torch.device("cpu")


def test_a_part_of_a_photo_is_sent_as_a_copy() -> None:
    photo = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    with torch.inference_mode():
        there = sent(photo[1:3, 2:4], PROCESSOR)
        assert np.array_equal(there.numpy(), photo[1:3, 2:4])
        want = there.clone()
        photo[:] = 0  # whoever made the photo may use its memory for the next one
        assert torch.equal(there, want)


def test_what_arrives_is_in_the_order_it_was_sent() -> None:
    tensors = [torch.full((2, 3), 7, dtype=torch.uint8), torch.tensor([0.5, 1.5])]
    for made, want in zip(Arrival(tensors).taken(), tensors, strict=True):
        assert made.dtype == want.dtype
        assert torch.equal(made, want)


def test_one_number_that_is_none_is_seen_in_the_look_of_its_picture_alone() -> None:
    good, bad = torch.linspace(0, 1, 12).reshape(3, 2, 2), torch.zeros(3, 2, 2)
    for number in (float("nan"), float("inf"), float("-inf")):
        bad[1, 0, 1] = number
        looks = looked([good, bad], [good, good])
        assert torch.isfinite(looks[:, 0]).tolist() == [True, False]
    assert looks[0].tolist() == [6.0, 0.0, 1.0, 0.0, 1.0]
