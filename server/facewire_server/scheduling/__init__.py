"""Which job runs when, and which is refused: threads and time; knows `errors` alone."""
