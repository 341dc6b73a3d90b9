"""Servers of the same job, compared in alternation on one machine: see docs/comparison.md."""
