"""Ray Serve answers as a server does: a cluster in processes of its own, and unchanged clients."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from facewire_client import FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA, EMBEDDED
from tests.server.ray.serving import Serving, serve_run
from tests.server.test_reflection import grpcurl

TOKEN = "secret"

SETTINGS: dict[str, Any] = {"max_message_mb": 1.0, "max_megapixels": 1.0, "max_side": 1000}
"""Small limits, so that tests can be over them without sending much."""

Ask = Callable[[FaceClient], Any]


class Both(NamedTuple):
    """The same two models on Ray Serve, of which a replica keeps one, and in a server."""

    on_ray: Serving
    server: BackgroundServer


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("ray")
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", folder / f"own{suffix}")
    tokens = folder / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    models = (EMBEDDED, str(folder / "own.xml"))
    config = Config(port=0, metrics_port=None, models=models, token_file=tokens, **SETTINGS)
    args = {
        "model": list(models),
        "models-per-replica": 1,
        "token-file": str(tokens),
        **{name.replace("_", "-"): value for name, value in SETTINGS.items()},
    }
    with serve_run(folder, args) as on_ray, BackgroundServer(config) as server:
        yield Both(on_ray, server)


def answer(client: FaceClient, ask: Ask) -> Any:
    """What a client gets, or the error in the place of it."""
    try:
        return ask(client)
    except FaceClientError as error:
        return error.code, error.reason, error.message


def faces(photo: bytes, **options: Any) -> Ask:
    """Detect, without the times."""
    return lambda client: client.detect(photo, **options).faces


def streamed(images: list[bytes], model: str = "") -> Ask:
    """DetectStream, without the times."""
    return lambda client: [
        (each.frame_id, each.result and each.result.faces, each.error and each.error.args)
        for each in client.detect_stream(images, model=model)
    ]


def test_clients_get_the_same_from_ray_serve_and_from_a_server(both: Both, photo: bytes) -> None:
    asked: dict[str, Ask] = {
        "a photo": faces(photo),
        "another model": lambda client: client.detect(photo, model="own").model,
        "options": faces(photo, min_confidence=0.1, max_detections=3),
        "no image": faces(b""),
        "no format": faces(b"GIF89a and so on"),
        "a cut-off image": faces(photo[:5000]),
        "a large message": faces(b"P" * 1_500_000),
        "an unknown model": faces(photo, model="nobody"),
        "a path for a model": faces(photo, model="/etc/passwd"),
        "a wrong option": faces(photo, min_confidence=7.0),
        "a stream": streamed([photo, b"", photo[:5000], photo]),
        "a stream for another model": streamed([photo, photo], "own"),
        "a stream of none": streamed([]),
        "models": lambda client: client.models(),
        "a model": lambda client: client.model("own"),
        "no such model": lambda client: client.model("nobody"),
        "health": lambda client: client.health(),
        "health of a model": lambda client: client.health(model="own"),
        "health of nobody": lambda client: client.health("nobody"),
    }
    refused = 10 + 2  # two of these are in the stream, and two have a wrong token
    got: list[dict[str, Any]] = []
    for target in (both.server.target, both.on_ray.target):
        with FaceClient(target, token=TOKEN) as client:
            got.append({name: answer(client, ask) for name, ask in asked.items()})
        with FaceClient(target, token="wrong") as stranger:
            got[-1]["a wrong token"] = answer(stranger, faces(photo))
            got[-1]["a stream with a wrong token"] = answer(stranger, streamed([photo]))
    expected, found = got
    assert found == expected
    assert expected["a photo"]
    assert expected["another model"] == "own"
    assert len(both.on_ray.lines("refused: ", count=refused)) == refused
    # Serve logs one, too, where a replica raises an error.
    assert not both.on_ray.lines("Traceback", count=0)
    assert both.on_ray.lines("model own loaded", count=1)


def test_grpcurl_finds_the_services_by_reflection(both: Both) -> None:
    header = f"authorization: Bearer {TOKEN}"
    method = "facewire.v1.DetectService/GetModel"
    done = grpcurl("-H", header, both.on_ray.target, method)
    assert f'"name": "{EMBEDDED}"' in done.stdout, done.stderr


def test_a_replica_that_dies_is_replaced(both: Both, photo: bytes) -> None:
    with FaceClient(both.on_ray.target, token=TOKEN, timeout=120) as client:
        expected = answer(client, faces(photo))
        for each in both.on_ray.replicas():
            each.kill()
            each.wait()
        # The proxy learns of it by the first calls, which fail.
        assert expected in (answer(client, faces(photo)) for _ in range(100))
