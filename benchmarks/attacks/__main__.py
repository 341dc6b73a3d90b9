"""What attacks cost a server: CPU time and memory, each on a server of its own.

    python -m benchmarks.attacks [--only WORDS]

The attacker is this process, on the same machine; its own costs are not counted. After
each attack another client asks for the face in a photo.
"""

import argparse
import os
import resource

import grpc

from benchmarks.attacks import transport, watches
from benchmarks.attacks.attack import measure
from benchmarks.server_process import serving

ATTACKS = (*transport.ATTACKS, *watches.ATTACKS)


def main() -> None:
    """Prints the settings, then a row of a table for each attack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="attacks with these words")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"grpcio {grpc.__version__}, {os.cpu_count()} cores, {most} files a process")
    print("| attack | limit | CPU ms | peak MB | kept MB | newcomer ms | outcome |")
    print("|---|---|---|---|---|---|---|")
    for attack in ATTACKS:
        if arguments.only not in attack.name:
            continue
        with serving(*attack.arguments) as (process, target):
            cost = measure(attack, process.pid, target)
        print(
            f"| {attack.name} | {' '.join(attack.arguments) or attack.flag}"
            f" | {cost.cpu_ms:.0f} | {cost.peak_mb:.0f} | {cost.kept_mb:.0f}"
            f" | {cost.newcomer_ms:.0f} | {cost.outcome} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
