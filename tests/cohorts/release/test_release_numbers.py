import pytest

from cardiolens.cohorts.release.numbers import MOST_SUBJECTS, draw_chances, participant_number
from cardiolens.errors import BadOption


def test_every_subject_of_a_seed_has_a_number_of_its_own_with_seven_digits():
    numbers = [participant_number(3, index) for index in (*range(20_000), MOST_SUBJECTS)]
    assert len(set(numbers)) == len(numbers)
    assert all(1_000_000 <= number < 6_000_000 for number in numbers)


def test_numbers_say_nothing_about_the_order_and_differ_between_seeds():
    numbers = [participant_number(3, index) for index in range(50)]
    assert numbers != sorted(numbers)
    assert numbers != [participant_number(4, index) for index in range(50)]


@pytest.mark.parametrize("index", [-1, MOST_SUBJECTS + 1])
def test_there_are_no_more_numbers_than_that(index):
    with pytest.raises(BadOption, match="a smaller release"):
        participant_number(3, index)


def test_chances_are_the_same_again_and_others_for_others():
    assert draw_chances(1, 2)[0] == draw_chances(1, 2)[0]
    assert draw_chances(1, 2)[0] != draw_chances(1, 3)[0]
    assert draw_chances(1, 2)[1].random() == draw_chances(1, 2)[1].random()
