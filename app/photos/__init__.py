"""Photos decoded and encoded faithfully: profiles, metadata, depth, orientation. No Qt."""
