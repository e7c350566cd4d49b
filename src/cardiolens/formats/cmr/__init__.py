"""Reading short-axis cine MRI: from folders, zips and NIfTI files to a stack with its place in the patient."""
