"""Short-axis scans drawn only to train a segmenter: shapes and appearance far wider than any population's.

Not a cohort: nobody in here has an ECG, an age or a disease, and nothing in `synthetic.generator` depends on it.

The ranges began as defaults around published group means. Contrast, softness of borders, areas of the cross-sections and the
height at which readers begin to draw the right ventricle were then set by comparison with the twelve ACDC patients listed in
`benchmarks/looked_at.json`; no other real picture was looked at, and none was trained on.
"""
