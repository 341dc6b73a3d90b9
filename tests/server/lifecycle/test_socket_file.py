"""The file of a Unix socket: its rights, who gives way to whom, and its end."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facewire_server.errors import ConfigError
from facewire_server.lifecycle.socket_file import MAX_BYTES, SocketFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a %20?b.sock"


@contextmanager
def listening() -> Iterator[Callable[[str], object]]:
    """What listens where it is told."""
    with socket.socket(socket.AF_UNIX) as listener:

        def add(target: str) -> None:
            listener.bind(target.removeprefix("unix:"))
            listener.listen(1)

        yield add


def reaches(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_socket_has_its_rights_and_nothing_is_left_beside_it(path: Path, mode: int) -> None:
    with listening() as add:
        file = SocketFile(path, mode)
        file.listen(add)
        assert path.stat().st_mode & 0o777 == mode
        assert list(path.parent.iterdir()) == [path]
        assert reaches(path)
        file.remove()
        assert not path.exists()


def test_its_folder_is_closed_to_others_until_the_rights_are_right(path: Path) -> None:
    folders = list[int]()

    def add(target: str) -> None:
        place = Path(target.removeprefix("unix:"))
        folders.append(place.parent.stat().st_mode & 0o777)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))

    SocketFile(path, 0o666).listen(add)
    assert folders == [0o700]


def test_what_a_dead_server_has_left_is_replaced(path: Path) -> None:
    with listening() as add:
        SocketFile(path, 0o600).listen(add)
    assert path.is_socket()
    assert not reaches(path)
    with listening() as add:
        SocketFile(path, 0o600).listen(add)
        assert reaches(path)


def test_a_server_that_lives_keeps_its_socket_even_when_it_is_busy(path: Path) -> None:
    with listening() as add, listening() as another:
        SocketFile(path, 0o600).listen(add)
        callers = []
        for _ in range(3):  # until nobody else can connect
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
    path = tmp_path / ("x" * (MAX_BYTES - len(os.fsencode(tmp_path))))
    with listening() as add, pytest.raises(ConfigError, match="longer than 107 bytes"):
        SocketFile(path, 0o600).listen(add)
    with listening() as add:
        path = path.with_name(path.name[1:])
        SocketFile(path, 0o600).listen(add)
        assert reaches(path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none" / "socket"
    message = f"cannot listen on unix:{path}: No such file or directory"
    with listening() as add, pytest.raises(ConfigError, match=message):
        SocketFile(path, 0o600).listen(add)
