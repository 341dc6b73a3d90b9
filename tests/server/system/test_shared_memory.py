"""Registered regions: which objects are taken, when they are let go."""

import asyncio
import os
from pathlib import Path

import pytest

from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.system import shared_memory
from facewire_server.system.shared_memory import (
    IDLE_SECONDS,
    MOST_BYTES,
    MOST_REGIONS,
    Regions,
)
from tests.server.system.conftest import SIZE


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_region_is_a_part_of_an_object_in_place(path: Path, slash: str) -> None:
    regions = Regions()
    regions.register("r", slash + path.name, 5000, 300)
    (region,) = regions.all()
    assert (region.name, region.key, region.offset, region.size) == (
        *("r", slash + path.name),
        *(5000, 300),
    )
    view = regions.get("r").part(10, 20)
    assert view == path.read_bytes()[5010:5030]
    with path.open("r+b") as file:
        file.seek(5010)
        file.write(b"\xff")
    assert view[0] == 0xFF


def test_a_name_is_registered_once(path: Path) -> None:
    regions = Regions()
    regions.register("r", path.name, 0, 1)
    with pytest.raises(RequestError, match="'r' is registered already") as caught:
        regions.register("r", path.name, 0, 2)
    assert caught.value.reason is Reason.REGION_EXISTS
    regions.register("s", path.name, 0, 2)
    regions.unregister("r")
    regions.unregister("r")
    assert [region.name for region in regions.all()] == ["s"]
    with pytest.raises(RequestError, match="no region 'r'") as caught:
        regions.get("r")
    assert caught.value.reason is Reason.UNKNOWN_REGION
    with pytest.raises(RequestError, match="needs a name"):
        regions.register("", path.name, 0, 1)
    regions.unregister("")
    assert not regions.all()


def test_an_object_that_may_only_be_read_is_mapped_for_reading(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = os.open  # root may write to any file: a user who may not is simulated

    def open_for_reading(file: Path, flags: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return opening(file, flags)

    regions = Regions()
    regions.register("w", path.name, 0, 1)
    monkeypatch.setattr(os, "open", open_for_reading)
    regions.register("r", path.name, 0, 1)
    writable = [region.mapping.is_writable for region in regions.all()]
    assert writable == [True, False]


def test_a_region_whose_object_was_made_shorter_is_noticed(path: Path) -> None:
    regions = Regions()
    regions.register("r", path.name, 5000, 300)
    region = regions.get("r")
    region.check()
    os.truncate(path, 5299)
    with pytest.raises(RequestError, match="'r': its object was made shorter") as caught:
        region.check()
    assert caught.value.reason is Reason.BAD_REGION
    os.truncate(path, 5300)
    region.check()
    os.truncate(path, 0)
    assert bytes(region.part(0, 300)) == bytes(300)
    os.truncate(path, SIZE)
    with pytest.raises(RequestError, match="made shorter"):
        region.check()


def mappings(path: Path) -> int:
    """How often this process has the object in its memory."""
    return Path("/proc/self/maps").read_text().count(str(path))


def test_a_region_is_let_go_when_its_object_loses_its_name(path: Path) -> None:
    regions = Regions()
    regions.register("r", path.name, 0, SIZE)
    view = regions.get("r").part(0, SIZE)
    assert mappings(path) == 1
    path.unlink()
    assert not regions.all()
    assert mappings(path) == 1  # a request uses it still
    assert view[250] == 250
    del view
    assert not mappings(path)


def test_a_look_is_taken_again_and_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "FOLLOW_SECONDS", 0)
    regions = Regions()
    regions.register("r", path.name, 0, SIZE)

    async def follow() -> None:
        following = asyncio.create_task(regions.follow())
        path.unlink()
        while mappings(path):
            await asyncio.sleep(0)
        following.cancel()

    asyncio.run(follow())


def test_another_object_of_the_same_name_may_be_registered_under_it(path: Path) -> None:
    regions = Regions()
    regions.register("r", path.name, 0, SIZE)
    path.unlink()
    path.write_bytes(b"new")
    regions.register("r", path.name, 0, 3)
    assert bytes(regions.get("r").part(0, 3)) == b"new"


def test_the_number_of_regions_is_bounded_and_idle_ones_give_way(path: Path) -> None:
    clock = Clock()
    regions = Regions(clock)
    for index in range(MOST_REGIONS):
        regions.register(str(index), path.name, 0, 1)
    with pytest.raises(RefusalError, match=f"{MOST_REGIONS} regions are registered") as caught:
        regions.register("more", path.name, 0, 1)
    assert caught.value.reason is Reason.TOO_MANY_REGIONS
    clock.now = IDLE_SECONDS - 1
    regions.get("0")
    clock.now = IDLE_SECONDS
    regions.register("more", path.name, 0, 1)
    names = {region.name for region in regions.all()}
    assert len(names) == MOST_REGIONS
    assert {"0", "more"} < names
    assert "1" not in names


def test_the_bytes_of_all_regions_are_bounded(path: Path) -> None:
    os.truncate(path, MOST_BYTES)  # takes no memory
    regions = Regions()
    regions.register("half", path.name, 0, MOST_BYTES // 2)
    with pytest.raises(RefusalError, match="4096 MiB together"):
        regions.register("more", path.name, 0, MOST_BYTES // 2 + 1)
    regions.register("rest", path.name, 0, MOST_BYTES // 2)
