"""Long mixed traffic against a server, and servers that are killed under load."""
