"""deploy/Containerfile, as tests read it: the last stage's instructions."""

import json

from tests.deploy.files import DEPLOY


def last_stage() -> dict[str, str]:
    """What each instruction of the last stage says; the last one of its kind."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    start = max(i for i, line in enumerate(lines) if line.startswith("FROM"))
    words = (line.partition(" ") for line in lines[start:])
    return {kind: rest for kind, _, rest in words}


STAGE = last_stage()
COMMAND: list[str] = json.loads(STAGE["ENTRYPOINT"])
"""What every container runs."""
ARGUMENTS: list[str] = json.loads(STAGE["CMD"])
"""And with what, unless it is told otherwise."""
ENVIRONMENT = dict(pair.split("=", 1) for pair in STAGE["ENV"].split())
