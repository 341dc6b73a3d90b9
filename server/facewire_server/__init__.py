"""The facewire server: images in over gRPC, boxes out.

Rule: the server opens only the connections that its operator requests; its libraries open
none by themselves.
"""

import sys
from types import ModuleType
from typing import cast

# OpenVINO and NNCF report themselves to a web analytics service, and write an id into the
# home folder, unless this package cannot be imported: then they have a stub for it. This
# module runs before any other of the package can import them.
_modules = cast("dict[str, ModuleType | None]", sys.modules)
_modules.setdefault("openvino_telemetry", None)
