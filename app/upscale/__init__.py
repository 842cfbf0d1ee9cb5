"""The Upscale panel: one photo or twenty thousand."""
