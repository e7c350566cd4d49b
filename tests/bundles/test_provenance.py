from dataclasses import dataclass

from cardiolens.bundles.provenance import outdated, provenance


@dataclass(frozen=True)
class Recipe:
    epochs: int = 3


def test_a_record_is_outdated_by_another_recipe_or_other_code():
    record = provenance(modules=["cardiolens.tasks"], recipe=Recipe())
    assert outdated(record, modules=["cardiolens.tasks"], recipe=Recipe()) == ()
    assert outdated(record, modules=["cardiolens.tasks"], recipe=Recipe(epochs=4)) == ("recipe_sha256",)
    assert outdated(record, modules=["cardiolens.tasks.task"], recipe=Recipe()) == ("generator_sha256",)
    assert outdated({}, modules=["cardiolens.tasks"], recipe=Recipe()) == ("generator_sha256", "recipe_sha256")
