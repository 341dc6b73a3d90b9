"""The choice of origins: the published address, or a mirror's two paths for a file."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from facewire_server.catalogue.catalogue import PublishedFile
from facewire_server.catalogue.origin import FolderOrigin, Origin, WebOrigin
from facewire_server.errors import ModelError


def origins(
    file: PublishedFile, path: str, mirror: str | None, client: httpx.Client
) -> list[Origin]:
    """Return the origins to try for a file, in this order.

    `mirror` is the base address of a web server or of a store that fsspec opens, or a
    folder. It has the file under the path of its published address, or as `path`
    (NAME/PRECISION/FILE). Raises ModelError for a mirror that is none of these, and for a
    store whose library is not installed.
    """
    if mirror is None:
        return [WebOrigin(client, file.url)]
    paths = (urlsplit(file.url).path.lstrip("/"), path)
    if mirror.lower().startswith(("http://", "https://")):
        base, mark, query = mirror.partition("?")
        return [WebOrigin(client, f"{base.rstrip('/')}/{each}{mark}{query}") for each in paths]
    if re.match(r"[a-z][a-z\d+.-]*://", mirror, re.IGNORECASE):
        # Imported late: fsspec is for these alone.
        from facewire_server.catalogue.store_origin import StoreOrigin, open_store

        store, base = open_store(mirror)
        seconds = (client.timeout.connect or 0) + (client.timeout.read or 0)
        return [StoreOrigin(store, f"{base.rstrip('/')}/{each}", seconds) for each in paths]
    folder = Path(mirror)
    if not folder.is_dir():
        raise ModelError(f"--mirror {mirror} is neither an address nor a folder that is there")
    return [FolderOrigin(folder / each) for each in paths]
