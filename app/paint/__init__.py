"""The Paint panel: a label map in, a landscape out."""
