"""`--device-memory`: understood everywhere, obeyed where there is a card, told where it means nothing."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.__main__ import main
from app.cli import options
from app.cli.options import NOTHING_DONE, USAGE, UsageError, add_common, complete, window_arguments
from app.inference.requests import DeviceRequest
from app.inference.updates import Done
from benchmarks.pretended_card import PretendedCard
from models import device
from models.allowance import GB, Allowance


@pytest.fixture
def card() -> Iterator[PretendedCard]:
    with PretendedCard(8 * GB) as card:
        yield card


def parsed(*words: str) -> argparse.Namespace:
    parser = options.Parser(prog="ganvas upscale")
    add_common(parser)
    return complete(parser.parse_args(words))


def test_the_amount_is_understood_with_a_command_and_without() -> None:
    assert parsed("--device-memory", "4GB").device_memory == Allowance(bytes=4 * GB)
    assert parsed().device_memory is None
    assert window_arguments(["--device-memory", "50%"])[1].device_memory == Allowance(0.5)


def test_what_is_no_amount_ends_with_2_and_a_line_that_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upscale", "photo.jpg", "--device-memory", "lots"]) == USAGE
    said = capsys.readouterr().err
    assert "'lots' is no amount of memory: say it like 4GB, 1500MB, 50% or all." in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", [["upscale", "photo.jpg"], ["doctor"], ["measure", "photo-x4", "photos"]])
def test_without_a_card_one_sentence_tells_that_it_means_nothing(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--device", "cpu", "--threads", "1", "--device-memory", "4GB"]) == USAGE
    said = capsys.readouterr().err
    assert said == "ganvas: --device-memory is about a graphics card, and this computes on the processor: leave it out.\n"


def test_a_cluster_has_memory_of_its_own(tmp_path: Path, card: PretendedCard, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["upscale", str(tmp_path), "--ray", "nowhere:1", "--device-memory", "4GB"]
    assert main(words) == USAGE
    assert "--device-memory is of this machine, --ray computes on others: leave one out." in capsys.readouterr().err


def test_the_engine_of_a_command_is_held_to_it(card: PretendedCard) -> None:
    *_, done = options.engine(parsed("--device", "cpu", "--threads", "1", "--device-memory", "25%")).run(DeviceRequest())
    assert isinstance(done, Done)
    assert done.result.allowed == 2 * GB
    assert card.share == 0.25


def test_so_is_a_command_that_needs_no_engine(card: PretendedCard) -> None:
    options.hold_card(parsed("--device", "cpu", "--threads", "1", "--device-memory", "2GB"))
    assert device.allowed("cpu") == 2 * GB


def test_one_card_among_several_devices_is_enough() -> None:
    assert options.card_memory(parsed("--device", "cpu:0, cuda:1", "--device-memory", "2GB")) == Allowance(bytes=2 * GB)
    with pytest.raises(UsageError):
        options.card_memory(parsed("--device", "cpu:0,cpu:1", "--device-memory", "2GB"))


def test_the_doctor_tells_what_is_allowed(card: PretendedCard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--device", "cpu", "--threads", "1", "--device-memory", "2GB", "--models", "nobody"]) == NOTHING_DONE
    assert "of 8.0 GB free, 2.0 GB allowed" in capsys.readouterr().out
