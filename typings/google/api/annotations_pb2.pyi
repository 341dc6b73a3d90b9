"""The part of google.api.annotations that facewire uses: the package has no py.typed."""

from typing import Any

http: Any
