"""Post-processing: the extension against NumPy, OpenCV and numba."""
