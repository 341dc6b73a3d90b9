"""The same job without facewire's packages, as the rivals' own documents show it."""
