"""The facewire client: `FaceClient`, `AsyncFaceClient`, their results and their error."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facewire_client.aio import AsyncFaceClient as AsyncFaceClient
    from facewire_client.client import FaceClient as FaceClient
    from facewire_client.errors import FaceClientError as FaceClientError
    from facewire_client.result import Box as Box
    from facewire_client.result import DetectResult as DetectResult
    from facewire_client.result import Face as Face
    from facewire_client.result import ModelInfo as ModelInfo
    from facewire_client.result import Point as Point
    from facewire_client.result import StreamResult as StreamResult
    from facewire_client.result import Timing as Timing
else:
    # Imported on first use: gRPC reads its environment variables when it is imported, and the
    # command `facewire` sets one before that.
    _MODULES = {
        "AsyncFaceClient": "aio",
        "FaceClient": "client",
        "FaceClientError": "errors",
        "Box": "result",
        "DetectResult": "result",
        "Face": "result",
        "ModelInfo": "result",
        "Point": "result",
        "StreamResult": "result",
        "Timing": "result",
    }

    __all__ = list(_MODULES)

    def __getattr__(name):
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__():
        return __all__
