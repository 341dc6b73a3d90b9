"""The targets that both clients and the command line accept and refuse."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_client.cli.root import root
from facewire_client.target import parse_target
from tests.client.fake_server import FakeServer


def has_ipv6() -> bool:
    try:
        with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)):
            return True
    except OSError:
        return False


def reaches(target: str) -> None:
    """Check that both clients and the command line reach a server at `target`."""

    async def main() -> bool:
        async with AsyncFaceClient(target) as client:
            return await client.health()

    with FaceClient(target) as client:
        assert client.health()
    assert asyncio.run(main())
    result = CliRunner().invoke(root, ["health", "--server", target])
    assert result.stdout == "SERVING\n"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with FakeServer(address="[::1]:0") as server:
        reaches(server.target)
        reaches(f"ipv6:{server.target}")


def test_a_unix_socket_is_reached_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with FakeServer(address=f"unix:{tmp_path}/fw.sock"):
        reaches(f"unix:{tmp_path}/fw.sock")
        reaches(f"unix://{tmp_path}/fw.sock")
        reaches("unix:fw.sock")


def test_a_name_is_reached_with_and_without_its_scheme(fake: FakeServer) -> None:
    port = fake.target.rpartition(":")[2]
    reaches(f"localhost:{port}")
    reaches(f"dns:///localhost:{port}")


def test_a_missing_unix_socket_is_named(tmp_path: Path) -> None:
    target = f"unix:{tmp_path}/absent.sock"
    with FaceClient(target) as client, pytest.raises(FaceClientError) as caught:
        client.health()
    assert caught.value.message == f"cannot reach {target}: No such file or directory"


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("", "the target is empty; give HOST:PORT or unix:PATH"),
        ("::1", r"needs brackets and a port: \[::1\]:50051"),
        ("::1:50051", r"needs brackets: \[::1\]:50051"),
        ("fe80::1:2:3", r"needs brackets and a port: \[fe80::1:2:3\]:50051"),
        ("[::1]", r"no port; give HOST:PORT, as in \[::1\]:50051"),
        ("faces.example", "no port; give HOST:PORT, as in faces.example:50051"),
        ("faces.example:", "is not HOST:PORT"),
        ("faces.example:grpc", "is not HOST:PORT"),
        (":50051", "is not HOST:PORT"),
        ("one:two:50051", "is not HOST:PORT"),
        ("faces.example:0", "not in 1..65535"),
        ("faces.example:65536", "not in 1..65535"),
        ("http://faces.example:50051", "is a URL"),
        ("user@faces.example:50051", "is not HOST:PORT"),
        ("faces example:50051", "is not HOST:PORT"),
        ("faces\n:50051", "no text of one line"),
        ("\udcff:50051", "no text of one line"),
        ("unix:", "nothing behind unix:"),
        ("unix://fw.sock", "give unix:PATH or unix:///PATH"),
        ("dns:///", "nothing behind dns:"),
    ],
)
def test_an_invalid_target_is_refused_with_advice(target: str, advice: str) -> None:
    for client in FaceClient, AsyncFaceClient:
        with pytest.raises(ValueError, match=advice):
            client(target)
    result = CliRunner().invoke(root, ["models", "--server", target])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("localhost:1", True),
        ("LocalHost.:1", True),
        ("127.0.0.1:1", True),
        ("127.3.2.1:1", True),
        ("[::1]:1", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("dns:///localhost:1", True),
        ("dns://1.1.1.1/localhost:1", True),
        ("dns:localhost:1", True),
        ("ipv4:127.0.0.1:1", True),
        ("ipv6:[::1]:1", True),
        ("unix:/run/fw.sock", True),
        ("unix-abstract:fw", True),
        ("10.0.0.1:1", False),
        ("faces.example:1", False),
        ("localhost.example:1", False),
        ("127.0.0.1.example:1", False),
        ("[2001:db8::1]:1", False),
        ("dns:///faces.example:1", False),
        ("ipv4:10.0.0.1:1,10.0.0.2:1", False),
    ],
)
def test_a_local_target_is_recognised_by_its_name(target: str, local: bool) -> None:
    assert parse_target(target).is_local is local
