"""What the Paint panel edits, without Qt: drawing, layers, tools, looks, files, recovery."""
