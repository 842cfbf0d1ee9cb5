"""Qt parts that know nothing of GANs."""
