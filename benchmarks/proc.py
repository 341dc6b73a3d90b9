"""What Linux tells of a process: its memory, its CPU time, its group."""

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError)


def status(pid: int, key: str) -> int:
    """A number of /proc/PID/status, such as VmRSS (kB) or Threads.

    Raises KeyError when there is none of this name, OSError without the process.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0])
    raise KeyError(key)


def cpu_seconds(pid: int) -> float:
    """CPU time used so far by all threads of a process. Raises OSError."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def group(leader: int) -> list[int]:
    """The processes of the group that this one leads."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(*_GONE):
                if int(_stat(int(entry.name))[2]) == leader:
                    members.append(int(entry.name))
    return members


def forget_peak(pid: int) -> None:
    """Has VmHWM, the peak of memory, begin anew. Raises OSError."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, which is the state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
