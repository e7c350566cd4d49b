"""cardiolens: what a cardiac MRI would show, from a 12-lead ECG. Research use only.

Names are imported when they are first used, so that `import cardiolens` costs nothing.
"""

from importlib import import_module

_HOMES = {
    "CardiolensError": "cardiolens.errors",
    "Cohort": "cardiolens.cohorts.store",
    "EcgEmbedder": "cardiolens.serving.embedding",
    "Predictor": "cardiolens.serving.predictor",
    "Recording": "cardiolens.types",
    "RunConfig": "cardiolens.training.config",
    "clean": "cardiolens.signals.cleaning",
    "make_subject": "cardiolens.synthetic.generator",
    "prepare_recording": "cardiolens.signals.contract",
    "prepare_synthetic": "cardiolens.cohorts.prepare_synthetic",
    "read_recording": "cardiolens.formats",
    "train": "cardiolens.training.train",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cardiolens' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
