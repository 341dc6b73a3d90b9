"""From the bytes of a request to the network's input.

`encoded` and `raw` make a `Picture`, `fit` draws it into the input tensor. Nothing
here knows of gRPC, OpenVINO or settings, and nothing is kept between two calls.

Rule: the server's event loop lives in the same process, so nothing here holds the
GIL for longer than a few milliseconds, whatever the size of the image.
"""

import cv2

# The server runs requests side by side: a pool of threads inside each of them would
# only add waiting, and take the cores from the network.
cv2.setNumThreads(1)
# OpenCV writes to standard error what callers get as an error.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
