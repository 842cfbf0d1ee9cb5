"""What a person sees and does: window, panels, command line."""
