"""Sub-commands of `ganvas`: one file each, without Qt (but for the tour)."""
