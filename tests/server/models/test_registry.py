"""The registry: models by name, the default, and replacing one."""

from dataclasses import dataclass

import pytest

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.models.description import Description
from facewire_server.models.registry import MAX_NAME_LENGTH, Registry


@dataclass(frozen=True)
class Model:
    description: Description


def model(name: str, sha256: str = "0" * 64) -> Model:
    return Model(
        Description(
            name=name,
            labels=("face",),
            head="SSD rows",
            resize="standard",
            input_width=320,
            input_height=320,
            device="CPU",
            precision="FP32",
            sha256=sha256,
            min_confidence=0.5,
            iou_threshold=0.0,
        )
    )


def test_a_model_is_got_by_its_name_and_the_first_without_one() -> None:
    first, second = model("a"), model("b")
    registry = Registry([first, second])
    assert registry.get("b") is second
    assert registry.get("") is first
    assert list(registry) == [first, second]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match="no model 'c' is loaded; there are: a, b") as caught:
        Registry([model("a"), model("b")]).get("c")
    assert caught.value.reason is Reason.UNKNOWN_MODEL


def test_a_long_name_is_cut_in_the_error() -> None:
    with pytest.raises(RequestError) as caught:
        Registry([model("a")]).get("x" * 10_000)
    assert f"{'x' * MAX_NAME_LENGTH}...'" in str(caught.value)
    assert len(str(caught.value)) < 2 * MAX_NAME_LENGTH


def test_a_replaced_model_keeps_its_position() -> None:
    registry = Registry([model("a"), model("b")])
    new = model("a", "1" * 64)
    registry.replace("a", new)
    assert registry.get("") is new


def test_a_replacement_of_another_name_is_refused() -> None:
    registry = Registry([model("a")])
    with pytest.raises(ModelError, match="it is called 'b' now, and callers ask for 'a'"):
        registry.replace("a", model("b"))


def test_no_model_and_two_of_one_name_are_refused() -> None:
    with pytest.raises(ModelError, match="at least one model"):
        Registry[Model]([])
    with pytest.raises(ModelError, match="same name"):
        Registry([model("a"), model("a")])


def test_a_model_that_was_removed_is_unknown_until_it_is_added() -> None:
    first, second = model("a"), model("b")
    registry = Registry([first, second])
    assert registry.remove("a") is first
    assert "a" not in registry and list(registry) == [second]
    for name in ("a", ""):
        with pytest.raises(RequestError, match="no model 'a' is loaded; there are: b"):
            registry.get(name)
    with pytest.raises(RequestError, match="no model 'a'"):
        registry.remove("a")
    with pytest.raises(ModelError, match="unloaded meanwhile"):
        registry.replace("a", first)
    with pytest.raises(ModelError, match="called 'b' now, not 'a'"):
        registry.add("a", second)
    registry.add("a", first)
    assert registry.get("") is first


def test_a_released_model_is_known_by_its_description() -> None:
    first, second = model("a"), model("b")
    registry = Registry([first, second])
    registry.release("a")
    assert "a" not in registry
    assert registry.descriptions == [first.description, second.description]
    assert registry.describe("") == registry.describe("a") == first.description
    with pytest.raises(RequestError, match="no model 'c' is loaded; there are: a, b"):
        registry.describe("c")
    registry.add("a", first)
    assert registry.get("a") is first


def test_a_removed_model_has_no_description() -> None:
    registry = Registry([model("a"), model("b")])
    registry.remove("a")
    with pytest.raises(RequestError, match="there are: b"):
        registry.describe("a")
