"""What control groups of either version leave of the cores."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from facewire_server.system import cpu_quota as module
from facewire_server.system.cpu_quota import available_cores, cpu_quota
from tests.server.process import command

V2 = "30 23 0:26 {mounted} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw"
V1 = (
    "31 23 0:27 {mounted} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:28 {mounted} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
)


def machine(
    root: Path, mounts: str, groups: str, files: Mapping[str, str], mounted: str = "/"
) -> Path:
    """A folder that looks like the root of a machine."""
    written = {
        "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        + mounts.format(mounted=mounted),
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"a/b/cpu.max": "50000 100000"}, 0.5),
        ({"a/b/cpu.max": "max 100000"}, None),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "150000 100000"}, 1.5),
        ({"a/b/cpu.max": "max 100000", "cpu.max": "300000 100000"}, 3),
        ({"a/b/cpu.max": "20000 10000", "a/cpu.max": "400000 100000"}, 2),
        ({"other/cpu.max": "50000 100000"}, None),
        ({"a/b/cpu.max": "what is this"}, None),
        ({}, None),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(machine(tmp_path, V2, "0::/a/b", files)) == quota


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cfs_quota_us": "250000", "cfs_period_us": "100000"}, 2.5),
        ({"cfs_quota_us": "-1", "cfs_period_us": "100000"}, None),
        ({"cfs_quota_us": "50000"}, None),
    ],
)
def test_version_1_has_quotas_too(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    place = "cpu,cpuacct/docker/1f/cpu"
    groups = "9:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/"
    written = {f"{place}.{name}": text for name, text in files.items()}
    assert cpu_quota(machine(tmp_path, V1, groups, written)) == quota


@pytest.mark.parametrize("mounted", ["/docker/1f", "/elsewhere"])
def test_a_container_sees_its_own_group_at_the_top_of_the_mount(
    tmp_path: Path, mounted: str
) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "50000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    root = machine(tmp_path, V1, "4:cpu,cpuacct:/docker/1f", files, mounted)
    assert cpu_quota(root) == 0.5


def test_a_namespace_of_groups_has_its_own_at_the_top(tmp_path: Path) -> None:
    root = machine(tmp_path, V2, "0::/", {"cpu.max": "150000 100000"})
    assert cpu_quota(root) == 1.5


def test_a_machine_without_groups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert cpu_quota(machine(tmp_path, "nonsense", "nonsense", {})) is None


@pytest.mark.parametrize(
    ("quota", "share", "cores"),
    [
        (None, 1, 64),
        (0.5, 1, 1),
        (1.5, 1, 2),
        (4, 1, 4),
        (1000, 1, 64),
        (4, 2, 2),
        (3, 2, 2),
        (1, 8, 1),
    ],
)
def test_cores_are_those_of_the_quota_rounded_up_and_of_the_process(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, share: int, cores: int
) -> None:
    monkeypatch.setattr(module, "available_core_numbers", lambda: list(range(64)))
    monkeypatch.setattr(module, "cpu_quota", lambda: quota)
    assert available_cores(share) == cores


@pytest.fixture
def half_a_core() -> Iterator[Path]:
    """A group of this machine that has half a core; skips where none can be made."""
    name = f"facewire-test-{os.getpid()}"
    group = Path("/sys/fs/cgroup/cpu") / name
    limits = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    if not group.parent.is_dir():
        group = Path("/sys/fs/cgroup") / name
        limits = {"cpu.max": "50000 100000"}
    try:
        group.mkdir()
        for file, value in limits.items():
            (group / file).write_text(value)
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group with a quota can be made here: {error}")
    yield group
    group.rmdir()


JOIN = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); "
STAY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); "
EXEC = "os.execv(sys.argv[2], sys.argv[2:])"


def log_of_a_server(prepare: str, argument: str) -> str:
    """What a server logs whose process has run this before, with this argument."""
    serve = command("serve", "--port", "0", "--metrics-port", "off")
    with subprocess.Popen(
        [sys.executable, "-c", prepare + EXEC, argument, *serve],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert "listening on" in process.stdout.readline()
            process.terminate()
            return process.stderr.read()
        finally:
            process.kill()


def test_a_server_under_half_a_core_works_on_one_inference_at_a_time(
    half_a_core: Path,
) -> None:
    log = log_of_a_server(JOIN, str(half_a_core / "cgroup.procs"))
    assert "2 requests at a time, queue of 8" in log


def test_a_server_with_one_core_of_a_cpuset_works_on_one_inference_at_a_time() -> None:
    core = min(os.sched_getaffinity(0))
    assert "2 requests at a time, queue of 8" in log_of_a_server(STAY, str(core))
