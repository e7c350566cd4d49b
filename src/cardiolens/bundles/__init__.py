"""A model as files: write, read, check, and import of published weights."""
