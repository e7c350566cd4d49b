"""Any archive's files on their way into a cohort, by a manifest of the user."""
