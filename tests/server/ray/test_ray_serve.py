"""Ray Serve answers as a server does: a cluster in processes of its own, and unchanged clients."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from facewire_client import FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.ray.serving import Cluster, cluster

SETTINGS: dict[str, Any] = {"max_message_mb": 1.0, "max_megapixels": 1.0, "max_side": 1000}
"""Small limits, so that tests can be over them without sending much."""

Ask = Callable[[FaceClient], Any]


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture(scope="session")
def server() -> Iterator[BackgroundServer]:
    with BackgroundServer(Config(port=0, metrics_port=None, **SETTINGS)) as running:
        yield running


def answer(client: FaceClient, ask: Ask) -> Any:
    """What a client gets, or the error in the place of it."""
    try:
        return ask(client)
    except FaceClientError as error:
        return error.code, error.reason, error.message


def faces(photo: bytes, **options: Any) -> Ask:
    """Detect, without the times."""
    return lambda client: client.detect(photo, **options).faces


def streamed(images: list[bytes]) -> Ask:
    """DetectStream, without the times."""
    return lambda client: [
        (each.frame_id, each.result and each.result.faces, each.error and each.error.args)
        for each in client.detect_stream(images)
    ]


def test_a_client_gets_the_same_from_ray_serve_and_from_a_server(
    serving: Cluster, server: BackgroundServer, photo: bytes
) -> None:
    serving.deploy(SETTINGS)
    large = b"P" * 1_500_000
    asked: dict[str, Ask] = {
        "a photo": faces(photo),
        "options": faces(photo, min_confidence=0.1, max_detections=3),
        "no image": faces(b""),
        "no format": faces(b"GIF89a and so on"),
        "a cut-off image": faces(photo[:5000]),
        "a large message": faces(large),
        "an unknown model": faces(photo, model="nobody"),
        "a wrong option": faces(photo, min_confidence=7.0),
        "a stream": streamed([photo, b"", photo[:5000], photo]),
        "a stream of none": streamed([]),
        "models": lambda client: client.models(),
        "a model": lambda client: client.model(),
        "no such model": lambda client: client.model("nobody"),
        "health": lambda client: client.health(),
        "health of a model": lambda client: client.health(model="face-detection-nano"),
        "health of nobody": lambda client: client.health("nobody"),
    }
    with FaceClient(server.target) as plain, FaceClient(serving.target) as on_ray:
        expected = {name: answer(plain, ask) for name, ask in asked.items()}
        got = {name: answer(on_ray, ask) for name, ask in asked.items()}
    assert got == expected
    assert expected["a photo"]
    refused = serving.lines("refused: ", count=9)
    assert len(refused) == 9
    assert not serving.lines("Traceback")
