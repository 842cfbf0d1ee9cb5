"""Directions, mixing and truncation in the latent spaces of StyleGAN and kin."""
