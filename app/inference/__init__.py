"""Requests in, updates out: the engine, its scheduler and the one worker thread."""
