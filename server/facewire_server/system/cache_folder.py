"""The default folder for fetched and compiled models."""

from pathlib import Path

from platformdirs import site_cache_path, user_cache_path


def default_folder() -> Path:
    """Return the operating system's folder for a user's caches: ~/.cache/facewire.

    Without a home folder, as in many containers, it is that of the machine:
    /var/cache/facewire.
    """
    try:
        folder = user_cache_path("facewire")
    except RuntimeError:
        return site_cache_path("facewire")
    # For such a user, older versions of platformdirs return a path that begins with ~.
    return folder if folder.is_absolute() else site_cache_path("facewire")
