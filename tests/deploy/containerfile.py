"""The instructions of the last stage of deploy/Containerfile."""

import json

from tests.deploy.files import DEPLOY


def last_stage() -> dict[str, str]:
    """Return the arguments of each instruction; the last one if there are several."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    start = max(i for i, line in enumerate(lines) if line.startswith("FROM"))
    words = (line.partition(" ") for line in lines[start:])
    return {kind: rest for kind, _, rest in words}


STAGE = last_stage()
COMMAND: list[str] = json.loads(STAGE["ENTRYPOINT"])
"""The program that every container runs."""
ARGUMENTS: list[str] = json.loads(STAGE["CMD"])
"""Its default arguments."""
ENVIRONMENT = dict(pair.split("=", 1) for pair in STAGE["ENV"].split())
