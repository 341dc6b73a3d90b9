"""Attacks on a server by peers that do not keep to what gRPC's own client does."""
