"""All that speaks OpenVINO: from bytes or pixels to detections, without a server."""
