"""What all benchmarks share: processes, what they use, rounds, images, settings.

It knows none of the benchmarks.
"""
