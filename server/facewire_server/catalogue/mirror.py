"""Where a file may lie: at its published address, or on a mirror of it."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx

from facewire_server.catalogue.entry import Entry, File
from facewire_server.catalogue.origin import FolderOrigin, Origin, WebOrigin
from facewire_server.errors import ModelError


def origins(
    entry: Entry, precision: str, file: File, mirror: str | None, client: httpx.Client
) -> list[Origin]:
    """The places to look for a file, in this order.

    A mirror is the base address of a web server, or a folder. It has its files under
    the path of the published address, or as NAME/PRECISION/FILE. Raises ModelError
    for a mirror that is neither an address nor a folder.
    """
    if mirror is None:
        return [WebOrigin(client, file.url)]
    places = (
        urlsplit(file.url).path.lstrip("/"),
        f"{entry.name}/{precision}/{file.name}",
    )
    if mirror.lower().startswith(("http://", "https://")):
        return [WebOrigin(client, f"{mirror.rstrip('/')}/{place}") for place in places]
    folder = Path(mirror)
    if not folder.is_dir():
        raise ModelError(f"--mirror {mirror} is neither an http address nor a folder that is there")
    return [FolderOrigin(folder / place) for place in places]
