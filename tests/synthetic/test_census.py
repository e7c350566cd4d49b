from cardiolens.synthetic.census import take_census
from cardiolens.synthetic.generator import make_subject


def test_the_census_knows_everybody_as_the_generator_makes_them():
    indices = (3, 40)
    people, ill = take_census(7, indices)
    for row, index in enumerate(indices):
        made = make_subject(seed=7, index=index, with_mri=False)
        assert people["age_years"][row] == made.covariates["age_years"]
        assert {name: bool(column[row]) for name, column in ill.items()} == made.diseases
