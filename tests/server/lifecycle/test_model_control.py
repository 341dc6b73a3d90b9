"""Loading and unloading: what is waited for, and what goes on without its caller."""

import asyncio
import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.errors import ModelError, Reason, RefusalError, RequestError
from facewire_server.lifecycle.model_control import ModelControl
from facewire_server.models.registry import Registry
from facewire_server.rpc.status import failure


class Model:
    """A model that a request works on for as long as something refers to it."""

    description = SimpleNamespace(name="m")


def control(
    registry: Registry[Any], grace: float = 60, error: Exception | None = None
) -> ModelControl:
    """A control whose reloads end with `error`."""
    dispatcher: Any = SimpleNamespace(loaded=SimpleNamespace(registry=registry))
    ignore: Any = SimpleNamespace(set_loaded=lambda *_: None, unloaded=lambda _: None)

    async def reload(*_: object) -> Exception | None:
        return error

    config = Config(grace=grace, models=("other.xml", "m.xml"))
    return ModelControl(config, dispatcher, ignore, ignore, reload)


def test_an_unload_ends_after_the_requests_that_run() -> None:
    async def unloaded() -> None:
        worked_on: list[Any] = [Model()]
        registry: Registry[Any] = Registry(worked_on)
        unloading = asyncio.create_task(control(registry, 60).unload("m"))
        done, _ = await asyncio.wait([unloading], timeout=0.2)
        assert not done and "m" not in registry
        worked_on.clear()
        await unloading

    asyncio.run(unloaded())


def test_an_unload_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    model: Any = Model()
    asyncio.run(control(Registry([model]), 0.01).unload("m"))
    assert "still run" in caplog.text
    assert model is not None


def test_a_step_goes_on_without_its_caller() -> None:
    async def left() -> None:
        model: Any = Model()
        registry: Registry[Any] = Registry([model])
        controlled = control(registry, 60)
        calling = asyncio.create_task(controlled.unload("m"))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        del model
        while controlled._tasks:
            await asyncio.sleep(0.01)
        assert "m" not in registry

    asyncio.run(left())


@pytest.mark.parametrize("lack", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_model_that_lacks_descriptors_or_memory_may_be_loaded_later(lack: int) -> None:
    error = ModelError("own.xml cannot be read")
    error.__cause__ = OSError(lack, os.strerror(lack))
    for each in (error, error.__cause__, MemoryError(), RuntimeError("std::bad_alloc")):
        with pytest.raises(RefusalError) as caught:
            asyncio.run(control(Registry([Model()]), error=each).load("m"))
        assert caught.value.reason is Reason.OUT_OF_MEMORY


def test_a_model_whose_files_are_at_fault_is_not_loaded() -> None:
    error = ModelError("own.xml cannot be read")
    error.__cause__ = OSError(errno.EACCES, "Permission denied")
    for each in (error, ModelError("no network"), KeyError("a bug")):
        with pytest.raises(RequestError) as caught:
            asyncio.run(control(Registry([Model()]), error=each).load("m"))
        assert caught.value.reason is Reason.MODEL_NOT_LOADED


def test_a_name_that_cannot_be_looked_for_now_is_not_called_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "read_text", fail)
    with pytest.raises(ModelError) as caught:
        asyncio.run(control(Registry([Model()])).load("m"))
    assert failure(caught.value, "id").reason == "OUT_OF_MEMORY"
