"""Settings: what they accept, and what is said of other values."""

from dataclasses import dataclass, fields

import pytest

from facewire_server.config.setting import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    SECONDS,
    Range,
    check_each,
    flag,
    option_name,
    setting,
    setting_of,
)
from facewire_server.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Example:
    """Two settings and a field that is none."""

    fruits: str | None = setting(None, "Which.", choices=("apple", "pear"), option="fruit")
    max_weight: float = setting(1.0, "In kg.", POSITIVE)
    note: str = "anything"

    def __post_init__(self) -> None:
        check_each(self)


def test_a_setting_has_its_default_and_its_help() -> None:
    fruits, weight, _ = fields(Example)
    assert Example().max_weight == 1.0
    assert setting_of(weight).help == "In kg."
    assert (option_name(fruits), option_name(weight)) == ("fruit", "max_weight")
    assert flag("max_weight") == "--max-weight"


def test_values_that_are_accepted_are_kept() -> None:
    example = Example(fruits="pear", max_weight=0.5, note="")
    assert (example.fruits, example.max_weight) == ("pear", 0.5)


def test_other_values_are_refused_by_the_name_of_the_option() -> None:
    with pytest.raises(ConfigError, match="^--fruit: not one of apple, pear$"):
        Example(fruits="nut")
    with pytest.raises(ConfigError, match="^--max-weight: not a number above 0$"):
        Example(max_weight=0)


@pytest.mark.parametrize(
    ("accepted", "inside", "outside"),
    [
        (SECONDS, [0, 1.5], [-1, float("inf"), float("nan")]),
        (AT_LEAST_ONE, [1, 2], [0]),
        (NOT_NEGATIVE, [0, 1], [-1]),
        (POSITIVE, [0.1], [0, float("inf"), float("nan")]),
    ],
)
def test_a_range_has_its_numbers_and_not_nan(
    accepted: Range, inside: list[float], outside: list[float]
) -> None:
    assert all(accepted.contains(value) for value in inside)
    assert not any(accepted.contains(value) for value in outside)
