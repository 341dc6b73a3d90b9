"""Loading and unloading: what is waited for, and what goes on without its caller."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.lifecycle.model_control import ModelControl
from facewire_server.models.registry import Registry


class Model:
    """A model that a request works on for as long as something refers to it."""

    description = SimpleNamespace(name="m")


def control(registry: Registry[Any], grace: float) -> ModelControl:
    dispatcher: Any = SimpleNamespace(loaded=SimpleNamespace(registry=registry))
    ignore: Any = SimpleNamespace(set_loaded=lambda *_: None, unloaded=lambda _: None)

    async def reload(*_: object) -> str:
        raise AssertionError

    return ModelControl(Config(grace=grace), dispatcher, ignore, ignore, reload)


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
