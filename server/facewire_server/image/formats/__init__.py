"""One decoder for each file format, and what they share."""
