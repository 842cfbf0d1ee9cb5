"""Training and evaluation: data, recipes, losses, metrics. No Qt."""
