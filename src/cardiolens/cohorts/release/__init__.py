"""Synthetic subjects as the files that a hospital or UK Biobank would hand out."""
