"""The page and the service behind it (extra `serve`)."""
