"""Print what `facewire bench --limit` needs of a model, as one JSON document.

`python -m facewire_server.cli.benchmark_model NAME|PATH` prints the `path` of the model's file,
the `sha256` of its weights, and the `shape` of the network's input as the server sets it; or the
`error` why there is no such model, or the `missing` package. The client runs it as a process,
because it imports nothing of the server.
"""

import json
import sys
from typing import Any

from facewire_server.errors import FacewireError


def describe(model: str) -> dict[str, Any]:
    """Find a model by its name or path and describe it, as above."""
    try:
        from facewire_server.inference.network import Network
        from facewire_server.models.source import Source

        source = Source.find(model)
        files = source.read()
        network = Network(files, source.sidecar.input_size)
    except ModuleNotFoundError as error:
        return {"missing": error.name}
    except FacewireError as error:
        return {"error": str(error)}
    return {
        "path": str(source.path),
        "sha256": files.sha256,
        "shape": list(network.model.inputs[0].shape),
    }


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1])))
