"""What the numbers were measured on."""

import os
import platform
from importlib.metadata import version

_PACKAGES = (
    "facewire",
    "grpcio",
    "numpy",
    "opencv-python-headless",
    "openvino",
    "protobuf",
    "simplejpeg",
)


def processor() -> str:
    """The name of the processor, and how many there are of it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    if not names:
        return platform.machine()
    return f"{names[0].split(':')[1].strip()} x {len(names)}"


def settings() -> dict[str, str]:
    """The machine, how busy it was before, and the versions in this environment."""
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
