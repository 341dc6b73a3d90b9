"""What the operating system gives: addresses, files, memory, threads; knows `errors` alone."""
