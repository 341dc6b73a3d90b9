"""The images of requests, from their bytes to the network's input.

`decode` and `raw` make a `Picture`, `fit` draws it into the input tensor. Calls share no
state.

Rule: this room imports only `system`, `errors` and the extension; it knows no gRPC, no
OpenVINO and no settings. The server's event loop runs in the same process, so nothing
here holds the GIL for longer than a few milliseconds, whatever the size of the image.
"""

import cv2

# The server runs requests in parallel: a thread pool inside each of them would add
# waiting and take cores from the network.
cv2.setNumThreads(1)
# OpenCV writes to standard error what the caller already gets as an error.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
