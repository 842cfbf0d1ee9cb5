"""Data that travels with Ganvas: weights, samples, icons, fonts. Reached by importlib.resources."""
