"""Where a server can be reached, and the file of its Unix socket."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.listener import MAX_SOCKET_PATH, SocketFile
from tests.server.process import command, serving
from tests.server.tls_files import TlsFiles


def answers(target: str, photo: bytes) -> bool:
    with grpc.insecure_channel(target) as channel:
        request = pb.DetectRequest(encoded_image=photo)
        return bool(DetectServiceStub(channel).Detect(request, timeout=60).detections)


def scraped(port: int | None, host: str = "127.0.0.1") -> bool:
    with urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
        return b"facewire_requests_total" in answer.read()


def test_localhost_is_served_at_both_addresses_metrics_too(photo: bytes) -> None:
    with BackgroundServer(Config(host="localhost", port=0, metrics_port=0)) as server:
        assert server.target == f"localhost:{server.port}"
        for host in "127.0.0.1", "[::1]":
            assert answers(f"{host}:{server.port}", photo)
            assert scraped(server.metrics_port, host)


def test_an_ipv6_address_is_announced_as_a_target_for_clients(photo: bytes) -> None:
    with serving("--host", "::1") as (_, target):
        assert target.startswith("[::1]:")
        assert answers(target, photo)


def test_a_socket_is_served_until_the_end_with_metrics_on_loopback(
    tmp_path: Path, photo: bytes
) -> None:
    path = tmp_path / "socket"
    config = Config(host=f"unix:{path}", metrics_port=0, socket_mode=0o660)
    with BackgroundServer(config) as server:
        assert server.target == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o660
        assert answers(server.target, photo)
        assert scraped(server.metrics_port)
    assert not path.exists()


def test_a_socket_can_be_encrypted(tmp_path: Path) -> None:
    files, path = TlsFiles(tmp_path), tmp_path / "socket"
    config = replace(files.config(), host=f"unix:{path}")
    trust = grpc.ssl_channel_credentials(files.authority.root_certificates)
    name = (("grpc.ssl_target_name_override", "127.0.0.1"),)
    with (
        BackgroundServer(config) as server,
        grpc.secure_channel(server.target, trust, name) as channel,
    ):
        stub = DetectServiceStub(channel)
        assert stub.ListModels(pb.ListModelsRequest(), timeout=60).models


def test_the_socket_of_a_killed_server_is_replaced_and_of_a_running_one_kept(
    tmp_path: Path, photo: bytes
) -> None:
    path = tmp_path / "socket"
    host = ("--host", f"unix:{path}")
    with serving(*host) as (process, _):
        process.kill()
        process.wait()
    assert path.is_socket()
    with serving(*host) as (process, target):
        assert target == f"unix:{path}"
        done = subprocess.run(
            command("serve", *host, "--metrics-port", "off"),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        text = f"facewire-server: cannot listen on {target}: a server listens there\n"
        assert done.stderr.endswith(text)
        assert answers(target, photo)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not path.exists()


def test_a_server_that_cannot_start_leaves_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config(host=f"unix:{path}", metrics_port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="cannot serve metrics"):
            BackgroundServer(config).__enter__()
    assert not path.exists()


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "this machine has no such address"),
        ("no-such.invalid", "'no-such.invalid' cannot be resolved: "),
    ],
)
def test_a_host_that_cannot_be_used_is_an_error_with_the_reason(host: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot listen on {host}:0: {reason}"):
        BackgroundServer(Config(host=host, port=0, metrics_port=None)).__enter__()


def test_the_port_of_another_server_is_an_error() -> None:
    with BackgroundServer(Config(port=0, metrics_port=None)) as server:
        config = Config(host="localhost", port=server.port, metrics_port=None)
        with pytest.raises(ConfigError, match="the port is taken"):
            BackgroundServer(config).__enter__()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a %20?b.sock"


@contextmanager
def listening() -> Iterator[Callable[[str], object]]:
    """A function that listens on a gRPC address, as a server would."""
    with socket.socket(socket.AF_UNIX) as listener:

        def add(target: str) -> None:
            listener.bind(target.removeprefix("unix:"))
            listener.listen(1)

        yield add


def reaches(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_socket_has_its_mode_and_leaves_no_other_file(path: Path, mode: int) -> None:
    with listening() as add:
        file = SocketFile(path, mode)
        file.listen(add)
        assert path.stat().st_mode & 0o777 == mode
        assert list(path.parent.iterdir()) == [path]
        assert reaches(path)
        file.remove()
        assert not path.exists()


def test_its_folder_is_closed_to_others_until_it_has_its_mode(path: Path) -> None:
    folders = list[int]()

    def add(target: str) -> None:
        place = Path(target.removeprefix("unix:"))
        folders.append(place.parent.stat().st_mode & 0o777)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))

    SocketFile(path, 0o666).listen(add)
    assert folders == [0o700]


def test_the_socket_of_a_dead_server_is_replaced(path: Path) -> None:
    with listening() as add:
        SocketFile(path, 0o600).listen(add)
    assert path.is_socket()
    assert not reaches(path)
    with listening() as add:
        SocketFile(path, 0o600).listen(add)
        assert reaches(path)


def test_a_running_server_keeps_its_socket_even_when_it_is_busy(path: Path) -> None:
    with listening() as add, listening() as another:
        SocketFile(path, 0o600).listen(add)
        callers = []
        for _ in range(3):  # until its backlog is full
            caller = socket.socket(socket.AF_UNIX)
            caller.setblocking(False)
            caller.connect_ex(str(path))
            callers.append(caller)
        with pytest.raises(ConfigError, match="a server listens there"):
            SocketFile(path, 0o600).listen(another)
        for caller in callers:
            caller.close()


def test_a_file_that_is_no_socket_is_kept(path: Path) -> None:
    path.write_text("kept")
    with listening() as add, pytest.raises(ConfigError, match="it is no socket"):
        SocketFile(path, 0o600).listen(add)
    assert path.read_text() == "kept"


def test_the_file_of_a_successor_is_kept(path: Path) -> None:
    with listening() as add, listening() as another:
        file = SocketFile(path, 0o600)
        file.listen(add)
        path.unlink()
        SocketFile(path, 0o600).listen(another)
        file.remove()
        assert reaches(path)


def test_a_path_that_no_client_can_connect_to_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("x" * (MAX_SOCKET_PATH - len(os.fsencode(tmp_path))))
    with listening() as add, pytest.raises(ConfigError, match="longer than 107 bytes"):
        SocketFile(path, 0o600).listen(add)
    with listening() as add:
        path = path.with_name(path.name[1:])
        SocketFile(path, 0o600).listen(add)
        assert reaches(path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none" / "socket"
    message = f"cannot listen on unix:{path}: No such file or directory"
    with listening() as add, pytest.raises(ConfigError, match=message):
        SocketFile(path, 0o600).listen(add)
