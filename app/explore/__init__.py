"""The Explore panel: wander through a latent space."""
