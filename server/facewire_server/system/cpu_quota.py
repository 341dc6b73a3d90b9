"""The cores of this process, and how much CPU time the control groups of Linux leave it.

Rule: of nested groups the smallest quota counts. What cannot be read limits nothing.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def available_core_numbers() -> list[int]:
    """The cores that this process may run on, by the system's numbers."""
    return sorted(os.sched_getaffinity(0))


def available_cores(share: int = 1) -> int:
    """How many cores this process may keep busy, at least 1; part of a core counts as one.

    As many as it may run on, or its part of the quota of CPU time that its container
    has, which `share` processes divide.
    """
    cores, quota = len(available_core_numbers()), cpu_quota()
    return cores if quota is None else min(cores, math.ceil(quota / share))


def cpu_quota(root: Path = ROOT) -> float | None:
    """The quota in cores, such as 0.5; None: there is none.

    `root` is the folder in which /proc and /sys are looked for.
    """
    try:
        quotas = [quota for group in _groups(root) for quota in _quotas(group)]
    except (OSError, ValueError):
        return None
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the process's groups and those around them, of both versions.

    Raises OSError and ValueError.
    """
    for mount_point, mounted, version in _mounts(root):
        own = _own_group(root, version)
        if own is None:
            continue
        try:
            inside = Path(own).relative_to(mounted)
        except ValueError:
            # The mount is a namespace's: what it shows at its top is around us.
            inside = Path()
        yield from (mount_point / each for each in (inside, *inside.parents))


def _mounts(root: Path) -> Iterator[tuple[Path, str, int]]:
    """Where groups with a quota are mounted: place, the group shown there, version."""
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        mounted, place = left.split()[3:5]
        kind, _, options = right.split()[:3]
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            yield root / place.lstrip("/"), mounted, 2 if kind == "cgroup2" else 1


def _own_group(root: Path, version: int) -> str | None:
    """The process's group in the hierarchy of version 2, or in that of CPU time."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "" if version == 2 else "cpu" in controllers.split(","):
            return group
    return None


def _quotas(group: Path) -> Iterator[float]:
    """The quota of one group, if it has one: microseconds of CPU time a period."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = [word for name in names for word in (group / name).read_text().split()]
            quota, period = map(int, words)
        except (OSError, ValueError):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            yield quota / period
