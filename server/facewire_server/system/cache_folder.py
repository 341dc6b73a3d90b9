"""The folder for fetched and compiled models, where none is set."""

from pathlib import Path

from platformdirs import site_cache_path, user_cache_path


def default_folder() -> Path:
    """Where the operating system wants caches of the user: ~/.cache/facewire.

    That of the machine, /var/cache/facewire, for a user who has no home folder, as
    containers are often run.
    """
    try:
        folder = user_cache_path("facewire")
    except RuntimeError:
        return site_cache_path("facewire")
    # Older versions of platformdirs leave the ~ of such a user as it is.
    return folder if folder.is_absolute() else site_cache_path("facewire")
