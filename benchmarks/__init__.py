"""Measurements of facewire, and of what it is compared with."""

import sys
from types import ModuleType
from typing import cast

# As in `facewire_server`, which is not imported first by all of them: OpenVINO reports
# itself to a web analytics service when it can import this package.
cast("dict[str, ModuleType | None]", sys.modules)["openvino_telemetry"] = None
