"""The cores of this process, and the CPU quota that Linux control groups (cgroups) set for it.

Rule: of nested groups the smallest quota counts. A file that cannot be read sets none.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def available_core_numbers() -> list[int]:
    """List the cores that this process may run on, by the system's numbers."""
    return sorted(os.sched_getaffinity(0))


def available_cores(share: int = 1) -> int:
    """Return how many cores this process may keep busy, at least 1.

    That is the number it may run on, or less if its container has a quota of CPU time, which
    `share` processes divide; part of a core counts as one.
    """
    cores, quota = len(available_core_numbers()), cpu_quota()
    return cores if quota is None else min(cores, math.ceil(quota / share))


def cpu_quota(root: Path = ROOT) -> float | None:
    """Return the quota in cores, such as 0.5; None: there is none.

    `root` is the folder that contains /proc and /sys.
    """
    try:
        quotas = [quota for group in _groups(root) for quota in _quotas(group)]
    except (OSError, ValueError):
        return None
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the process's groups and of their parents, of both versions.

    Raises OSError and ValueError.
    """
    for mount_point, mounted_group, version in _mounts(root):
        own = _own_group(root, version)
        if own is None:
            continue
        try:
            relative = Path(own).relative_to(mounted_group)
        except ValueError:
            # In a cgroup namespace the two have different roots; the group at the top of
            # the mount is then the process's own or a parent of it.
            relative = Path()
        yield from (mount_point / each for each in (relative, *relative.parents))


def _mounts(root: Path) -> Iterator[tuple[Path, str, int]]:
    """The mounts of groups with a quota: mount point, group at its top, version.

    A line of mountinfo is `ID PARENT DEVICE ROOT MOUNT_POINT … - TYPE SOURCE OPTIONS`.
    """
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        mounted_group, mount_point = left.split()[3:5]
        kind, _, options = right.split()[:3]
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            yield root / mount_point.lstrip("/"), mounted_group, 2 if kind == "cgroup2" else 1


def _own_group(root: Path, version: int) -> str | None:
    """The process's group in the hierarchy of version 2, or in that of `cpu` in version 1."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "" if version == 2 else "cpu" in controllers.split(","):
            return group
    return None


def _quotas(group: Path) -> Iterator[float]:
    """The quota of one group, if it has one: CPU time per period, both in microseconds."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            numbers = [each for name in names for each in (group / name).read_text().split()]
            quota, period = map(int, numbers)
        except (OSError, ValueError):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            yield quota / period
