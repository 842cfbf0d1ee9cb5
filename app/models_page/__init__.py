"""The Models page: what is at hand, what can be fetched, and what is known of each."""
