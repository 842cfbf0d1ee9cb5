"""How much memory of a card may be used, as people say it."""

import pytest

from models.allowance import ALL, GB, MB, Allowance, parse


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("4GB", Allowance(bytes=4 * GB)),
        ("4 gb", Allowance(bytes=4 * GB)),
        ("4GiB", Allowance(bytes=4 * GB)),
        (" 4 ", Allowance(bytes=4 * GB)),
        ("1.5GB", Allowance(bytes=1536 * MB)),
        ("1500MB", Allowance(bytes=1500 * MB)),
        ("50%", Allowance(0.5)),
        ("12.5 %", Allowance(0.125)),
        ("100%", ALL),
        ("All", ALL),
    ],
)
def test_an_amount_is_understood_and_said_as_it_is_read(said: str, meant: Allowance) -> None:
    assert parse(said) == meant
    assert parse(str(meant)) == meant


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "is no amount of memory: say it like 4GB"),
        ("many", "is no amount of memory"),
        ("4TB", "is no amount of memory"),
        ("-4GB", "is no amount of memory"),
        ("1e9", "is no amount of memory"),
        ("inf", "is no amount of memory"),
        ("0", "is too little memory"),
        ("100MB", "allow 256MB or more"),
        ("0%", "is no share of a card's memory"),
        ("120%", "say 5% to 100%"),
    ],
)
def test_what_is_none_is_told_in_a_sentence(said: str, why: str) -> None:
    with pytest.raises(ValueError) as told:
        parse(said)
    assert why in str(told.value)
    assert repr(said) in str(told.value)


def test_a_card_gives_its_share_and_never_more_than_it_has() -> None:
    assert Allowance(0.25).of(8 * GB) == 2 * GB
    assert Allowance(bytes=3 * GB).of(8 * GB) == 3 * GB
    assert Allowance(bytes=12 * GB).of(8 * GB) == 8 * GB
    assert ALL.of(8 * GB + 1) == 8 * GB + 1
