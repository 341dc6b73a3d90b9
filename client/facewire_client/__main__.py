"""The command `facewire`."""

import os
import sys

PROGRAM = "facewire"


def main() -> None:
    """Runs the command line; exits with 0 on success, 1 on failure, 2 on misuse."""
    # gRPC reads this when it is imported: its own log would double our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from facewire_client.cli.root import root
    from facewire_client.errors import FaceClientError

    try:
        root(prog_name=PROGRAM)
    except FaceClientError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
