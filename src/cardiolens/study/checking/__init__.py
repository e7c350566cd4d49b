"""Synthetic hearts beside published people: what is measured, what it is compared with, and the page."""
