import pytest

from cardiolens.source_digest import digest_of_sources, source_digest, with_imports

CODE = '''
"""What it is."""
import math

GAIN = 1.5  # millivolts


def wave(t: float, *, phase=0.0) -> float:
    """A wave."""
    return GAIN * math.sin(t + phase) + len(f"a{t:.2f}b{phase}")
'''


def digest(code: str) -> str:
    return digest_of_sources({"wave": code})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# millivolts", "# the amplifier's gain, as measured"),
        ('"""A wave."""', '"""Another text."""'),
        ('"""What it is."""\n', ""),
        ("GAIN * math.sin(t + phase)", "(GAIN\n        * math.sin((t) + phase,))"),
        ("1.5", "15e-1"),
        (": float,", ","),
        (" -> float", ""),
        ("\n\n\ndef", "\n\ndef"),
    ],
)
def test_comments_docstrings_annotations_and_layout_do_not_change_the_digest(old, new):
    assert old in CODE
    assert digest(CODE.replace(old, new)) == digest(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.5", "1.6"),
        ("phase=0.0", "phase=0"),
        ("phase=0.0", "phase=None"),
        ("math.sin", "math.cos"),
        ("t + phase", "t - phase"),
        (".2f", ".3f"),
        ("}b{", "}c{"),
        ("*, ", ""),
        ("return", "yield"),
    ],
)
def test_whatever_the_machine_acts_on_changes_the_digest(old, new):
    assert old in CODE
    assert digest(CODE.replace(old, new)) != digest(CODE)


def test_the_name_of_a_file_counts():
    assert digest_of_sources({"a": CODE}) != digest_of_sources({"b": CODE})


DIFFICULT = '''
@decorated(1, *rest, key=b"bytes", **more)
class Grid(Base, metaclass=Meta):
    """A docstring."""

    spacing: tuple[float, ...] = (1.8, 1.8e-3, 2j, -0.0, 10**30)
    """And one of a field."""

    async def cells(self): ...


def describe(a, /, b: int = 3, *args, c, d=None, **kwargs):
    global COUNT
    match a:
        case {"x": [1, *_], **others} if (n := len(others)) > 2:
            raise ValueError(f"{{literal}} {a!r:>{b}} {c=} {d:.{n}f}" "joined" f"{b}\\N{DEGREE SIGN}") from None
        case Grid(spacing=(x, y, z)) | None:
            pass
    with open(a) as first, open(b):
        yield from ({k: v for k, v in first if k} | {**kwargs}, [*args], {1, 2}, lambda q, *r: q[..., ::2])
    try:
        del a.b
    except* (OSError, KeyError) as group:
        return
    else:
        x = y = not z
    finally:
        x @= 2 if y is not z else ~1
    f""
    u"old"
'''


def test_the_digest_is_the_same_on_every_python():
    # Recorded on Python 3.11; the suite runs on 3.11 to 3.13.
    assert digest(DIFFICULT) == "fbdec9954058c89f86687fbacd6670407eb661caecb082e445cb504ea4a6b79f"


def test_a_package_counts_with_all_its_modules():
    assert source_digest(["cardiolens.tasks"]) != source_digest(["cardiolens.tasks.task"])
    assert source_digest(["cardiolens.tasks", "cardiolens.tasks.task"]) == source_digest(["cardiolens.tasks"])


def test_a_module_that_does_not_exist_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"cardiolens\.nothing"):
        source_digest(["cardiolens.nothing"])


def test_imports_are_followed_through_modules_and_into_functions_but_not_out_of_the_package():
    reached = with_imports("cardiolens.synthetic.generator", within="cardiolens.synthetic")
    assert {"cardiolens.synthetic.generator", "cardiolens.synthetic.draws", "cardiolens.synthetic.mri_kernels"} <= set(reached)
    assert all(name.startswith("cardiolens.synthetic.") for name in reached)
    assert with_imports("cardiolens.synthetic.draws", within="cardiolens.synthetic") == ("cardiolens.synthetic.draws",)
