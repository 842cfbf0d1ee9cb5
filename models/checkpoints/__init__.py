"""Files to networks: what bytes mean, what a file is, how published names map onto ours."""
