"""What all benchmarks share: processes, what they use, loads, rounds, photos, reports.

It knows none of the benchmarks.
"""
