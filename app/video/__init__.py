"""Video: frames out of a file and into one, by an ffmpeg program that the person has. No Qt, no models."""
