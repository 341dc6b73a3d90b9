"""The licences of the npm packages in a page: those of a lock file that are not for its build.

Arguments: a package-lock.json, and the licences that are allowed, separated by ";". Prints a
line for each package, and exits with 1 if one has another licence.
"""

import json
import sys
from pathlib import Path


def main(lock: str, allowed: str) -> int:
    """Print the packages; return the exit code."""
    packages = json.loads(Path(lock).read_text())["packages"]
    refused = False
    for path, package in packages.items():
        if not path or package.get("dev"):  # the page itself, or a tool that builds it
            continue
        licence = package.get("license", "unknown").strip("()")
        print(f"| {path.rpartition('node_modules/')[2]} | {package['version']} | {licence} |")
        if licence not in allowed.split(";"):
            print(f"{path}: the licence is not allowed: {licence}", file=sys.stderr)
            refused = True
    return refused


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
