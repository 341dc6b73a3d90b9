"""Whether the packages of the extra `evaluate` are installed."""

from importlib.util import find_spec

PACKAGES = ("numpy", "scipy", "matplotlib", "PIL", "defusedxml")


def missing() -> str | None:
    """Return what to type where a package is missing; None: all are there."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if not absent:
        return None
    return f"evaluating needs more packages ({', '.join(absent)}): pip install 'facewire[evaluate]'"
