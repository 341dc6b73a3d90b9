"""Fuzzes one target with atheris, which is libFuzzer for Python.

    python -m tests.fuzz image|request|infer|extension FOLDER [options of libFuzzer]
    python -m tests.fuzz image|request|infer|extension FILE

FOLDER holds the corpus: the seeds are written to it, and libFuzzer adds to it. FILE is one
input to try. `scripts/fuzz` calls this.
"""

import hashlib
import sys
from pathlib import Path

import atheris


def main() -> None:
    """Fuzz until libFuzzer's options end it; a crash ends the process."""
    name, path = sys.argv[1], Path(sys.argv[2])
    # Imported here, because only modules imported under instrumentation report coverage.
    with atheris.instrument_imports(include=["facewire_server"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    if path.is_file():
        target.try_input(path.read_bytes())
        return
    path.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        digest = hashlib.sha256(seed).hexdigest()[:16]
        (path / f"seed-{digest}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(path), *sys.argv[3:]], target.try_input)
    atheris.Fuzz()


main()
