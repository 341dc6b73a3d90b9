"""Where caches go by default."""

from pathlib import Path

import pytest

from facewire_server.system.cache_folder import default_folder


@pytest.mark.parametrize("found", [RuntimeError(), Path("~/.cache/facewire")])
def test_the_default_cache_without_a_home_is_that_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, found: RuntimeError | Path
) -> None:
    def user_cache_path(name: str) -> Path:
        if isinstance(found, Exception):
            raise found
        return found

    module = "facewire_server.system.cache_folder"
    monkeypatch.setattr(f"{module}.user_cache_path", user_cache_path)
    assert default_folder() == Path("/var/cache/facewire")
