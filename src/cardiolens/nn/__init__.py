"""Modules: tensors in, tensors out. They know no cohort, no loss and no file."""
