"""One file an architecture; plain torch modules."""
