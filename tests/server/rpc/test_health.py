"""Health of the server and each of its models, from the start to the end."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import grpc
import pytest

from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.loading import Backend
from facewire_server.lifecycle.server import Server
from facewire_server.models.source import DATA, EMBEDDED
from tests.server.catalogue import tiny
from tests.server.constant_model import write_constant_model
from tests.server.health import NOT_SERVING, SERVING, check, watch
from tests.server.rpc_errors import reason

SERVICE = "facewire.v1.DetectService"
SERVICES = ("", SERVICE, f"{SERVICE}/{EMBEDDED}")
SERVICE_UNKNOWN = 3


def test_the_server_the_service_and_the_model_serve(channel: grpc.Channel) -> None:
    assert [check(channel, service) for service in SERVICES] == [SERVING] * 3


@pytest.mark.parametrize("service", ["x", f"{SERVICE}/x", f"{SERVICE}/", EMBEDDED])
def test_an_unknown_name_is_not_found_and_may_be_watched(
    channel: grpc.Channel, service: str
) -> None:
    with pytest.raises(grpc.RpcError) as unknown:
        check(channel, service)
    assert reason(unknown.value)[0] is grpc.StatusCode.NOT_FOUND
    assert next(watch(channel, service)) == SERVICE_UNKNOWN


def test_nothing_serves_before_the_models_are_loaded() -> None:
    config = Config(port=0, metrics_port=None)

    async def statuses() -> tuple[list[int], list[int]]:
        loading: Future[Backend] = Future()
        async with Server(config) as server:
            with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                before = await asyncio.to_thread(statuses_of, channel)
                loading.set_result(await asyncio.to_thread(Backend.load, config))
                await server.load(loading)
                await server.open()
                return before, await asyncio.to_thread(statuses_of, channel)

    before, after = asyncio.run(statuses())
    assert before == [NOT_SERVING] * 3
    assert after == [SERVING] * 3


def test_a_model_has_the_name_in_its_sidecar(tmp_path: Path) -> None:
    path = write_constant_model(tmp_path / "a.xml", [(0, 0, 1, 1, 0.9, 0)], {"labels": "face"})
    path.with_suffix(".toml").write_text('name = "own"')
    config = Config(models=(EMBEDDED, str(path)), port=0, metrics_port=None)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        assert check(channel, f"{SERVICE}/own") == SERVING
        assert check(channel, f"{SERVICE}/{EMBEDDED}") == SERVING


def test_nothing_serves_while_draining() -> None:
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        watched = [watch(channel, service) for service in SERVICES]
        assert [next(each) for each in watched] == [SERVING] * 3
        server.begin_drain()
        assert [next(each) for each in watched] == [NOT_SERVING] * 3


def test_each_of_several_models_has_a_status_at_the_start_a_reload_a_stall_and_the_end(
    tmp_path: Path,
) -> None:
    other = write_constant_model(tmp_path / "other.xml", [(0, 0, 1, 1, 0.9, 0)], {"labels": "face"})
    config = Config(models=(EMBEDDED, str(other)), port=0, metrics_port=None)
    services = (*SERVICES, f"{SERVICE}/other")

    async def main() -> None:
        loading: Future[Backend] = Future()
        async with Server(config) as server:
            with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:

                async def all_say(status: int) -> None:
                    found = await asyncio.to_thread(statuses_of, channel, services)
                    assert found == [status] * 4

                await all_say(NOT_SERVING)
                loading.set_result(await asyncio.to_thread(Backend.load, config))
                await server.load(loading)
                await all_say(NOT_SERVING)
                await server.open()
                await all_say(SERVING)
                server.reload()
                await all_say(SERVING)
                # As the watchdog does; after the drain it has no effect.
                server._services.health.not_serving()
                await all_say(NOT_SERVING)
                server._services.health.serving()
                await all_say(SERVING)
                assert await server.drain()
                server._services.health.serving()
                await all_say(NOT_SERVING)

    asyncio.run(main())


def statuses_of(channel: grpc.Channel, services: Sequence[str] = SERVICES) -> list[int]:
    """The status of each service."""
    return [check(channel, service) for service in services]


def test_a_published_model_has_the_name_in_its_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = DATA / EMBEDDED / EMBEDDED
    files = {
        f"FP16/tiny.{suffix}": network.with_suffix(f".{suffix}").read_bytes()
        for suffix in ("xml", "bin")
    }
    catalogue = Catalogue.read(tiny.write(tmp_path / "tables", "http://models.invalid", files))
    monkeypatch.setattr(Catalogue, "published", lambda: catalogue)
    folder = tmp_path / "models" / tiny.NAME
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "FP16" / "tiny.toml").write_text('name = "masks"')
    config = Config(models=(tiny.NAME,), port=0, metrics_port=None, cache=tmp_path)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        assert check(channel, f"{SERVICE}/masks") == SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            check(channel, f"{SERVICE}/{tiny.NAME}")
        assert reason(unknown.value)[0] is grpc.StatusCode.NOT_FOUND
