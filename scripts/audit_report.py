"""Tells what pip-audit's report on standard input says of a lock file.

Ends with 1 if a vulnerability is known. Without a report, or with packages that could
not be asked about, it says "skipped": silence must not pass for a clean bill.
"""

import json
import sys


def main(lock: str, report: str) -> int:
    """Prints a line for each vulnerability, and one for all; returns the exit code."""
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
