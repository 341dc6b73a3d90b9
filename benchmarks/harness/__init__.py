"""What all benchmarks share: processes, what they use, rounds, images, settings."""
