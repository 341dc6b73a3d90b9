"""The network of face-detection-0206, rebuilt with random weights: see docs/rebuild.md."""
