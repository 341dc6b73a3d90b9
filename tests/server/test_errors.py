"""Errors: what a stored one keeps alive."""

import gc
import pickle
import weakref
from collections.abc import Iterator

import pytest

from facewire_server.errors import (
    FacewireError,
    ModelError,
    Reason,
    RefusalError,
    RequestError,
    detach,
    released,
)


class Payload:
    """Something whose end can be seen."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Cycles live on, so that they can be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_an_error_that_is_released_keeps_no_variable_of_what_it_has_passed() -> None:
    def work() -> None:
        payload = Payload()
        seen.append(weakref.ref(payload))
        try:
            raise ValueError(1)
        except ValueError:
            raise KeyError(2) from None

    seen: list[weakref.ref[Payload]] = []
    with pytest.raises(KeyError) as stored, released():
        work()
    assert stored.tb is not None
    assert seen[0]() is None


def test_an_error_that_is_detached_has_its_trace_as_text_if_it_is_unforeseen() -> None:
    def work(error: Exception) -> Exception:
        try:
            raise error
        except (ArithmeticError, RequestError) as raised:
            detach(raised)
            return raised

    fault = work(ZeroDivisionError("a fault"))
    expected_error = work(RequestError(Reason.EMPTY_IMAGE, "no image"))
    for error in (fault, expected_error):
        assert error.__traceback__ is None
        assert error.__context__ is None
    assert "in work\n    raise error\nZeroDivisionError: a fault" in str(fault.__cause__)
    assert expected_error.__cause__ is None


@pytest.mark.parametrize(
    "error",
    [
        RequestError(Reason.CORRUPT_IMAGE, "damaged"),
        RefusalError(Reason.QUEUE_FULL, "full", retry_after=0.25),
        ModelError("no such model"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_passes_whole_to_another_process(error: FacewireError, protocol: int) -> None:
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is type(error)
    assert (copy.args, str(copy), vars(copy)) == (error.args, str(error), vars(error))
