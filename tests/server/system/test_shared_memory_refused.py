"""Regions that are not registered: by whose fault."""

import errno
import os
from pathlib import Path

import pytest

from facewire_server.errors import Reason, RequestError
from facewire_server.system import shared_memory
from facewire_server.system.memory import is_shortage
from facewire_server.system.shared_memory import Regions
from tests.server.system.conftest import SIZE


def refused(regions: Regions, key: str, offset: int = 0, size: int = 1) -> tuple[Reason, str]:
    with pytest.raises(RequestError) as caught:
        regions.register("r", key, offset, size)
    assert not regions.all()
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["", "/", ".", "..", "/..", "a/b", "../etc/passwd", "//x", "/x/", "x/../y", "a\0b"],
)
def test_names_that_are_no_objects_are_refused(key: str) -> None:
    reason, message = refused(Regions(), key)
    assert reason is Reason.BAD_REGION
    assert "is not the name of a shared memory object" in message


def test_an_object_that_is_not_there_is_refused() -> None:
    assert "No such file" in refused(Regions(), "facewire-test-none")[1]
    assert "name too long" in refused(Regions(), "a" * 300)[1]


def test_only_regular_files_are_objects(path: Path, tmp_path: Path) -> None:
    regions, link = Regions(), path.with_name(f"{path.name}-other")
    (tmp_path / "secret").write_bytes(b"secret")
    try:
        link.symlink_to(tmp_path / "secret")
        assert "symbolic links" in refused(regions, link.name)[1]
        link.unlink()
        os.mkfifo(link)
        assert "is not a shared memory object" in refused(regions, link.name)[1]
        link.unlink()
        link.mkdir()
        assert "directory" in refused(regions, link.name)[1]
        link.rmdir()
    finally:
        if link.is_dir():
            link.rmdir()
        link.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 0),
        (0, SIZE + 1),
        (1, SIZE),
        (SIZE, 1),
        (1 << 64, 1),
        ((1 << 64) - 1, 1),
        ((1 << 64) - 1, 2),
        (1, (1 << 64) - 1),
        ((1 << 63), 1 << 63),
    ],
)
def test_bytes_outside_of_the_object_are_refused(path: Path, offset: int, size: int) -> None:
    reason, message = refused(Regions(), path.name, offset, size)
    assert reason is Reason.BAD_REGION
    assert message.endswith(f"which has {SIZE}")


@pytest.mark.parametrize("lack", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
@pytest.mark.parametrize(("module", "name"), [(os, "open"), (shared_memory, "SharedMapping")])
def test_what_the_server_lacks_is_not_the_fault_of_the_region(
    path: Path, module: object, name: str, lack: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(lack, os.strerror(lack))

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(OSError) as caught:
        Regions().register("r", path.name, 0, SIZE)
    assert is_shortage(caught.value)


def test_a_region_that_cannot_be_mapped_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(shared_memory, "SharedMapping", fail)
    reason, message = refused(Regions(), path.name)
    assert (reason, message[-14:]) == (Reason.BAD_REGION, "No such device")
