"""Short-axis scans drawn only to train a segmenter: shapes and appearance far wider than any population's.

Not a cohort: nobody in here has an ECG, an age or a disease, and nothing in `synthetic.generator` depends on it.
"""
