"""All that speaks gRPC in a call: messages, admission, deadlines, errors, streams."""
