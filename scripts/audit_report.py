"""Print the result of a pip-audit report, read from standard input, for a lock file.

Exits with 1 if there is a known vulnerability. Without a report, or for packages that the
service does not know, it prints "skipped", so that a missing check does not look like a
passed one.
"""

import json
import sys


def main(lock: str, report: str) -> int:
    """Print a line for each vulnerability and a summary; return the exit code."""
    try:
        packages = json.loads(report)["dependencies"]
    except ValueError:
        print(f"{lock}: audit skipped: the vulnerability service did not answer")
        return 0
    asked = [package for package in packages if "skip_reason" not in package]
    found = [(package, each) for package in asked for each in package["vulns"]]
    for package, each in found:
        cure = ", ".join(each["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {each['id']}; cured in {cure}")
    if unknown := len(packages) - len(asked):
        print(f"{lock}: audit skipped for {unknown} packages: the service lacks them")
    if asked:
        print(f"{lock}: {len(found)} known vulnerabilities in {len(asked)} packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdin.read()))
