"""Networks: where they lie, what they say of themselves, how their outputs are read."""
