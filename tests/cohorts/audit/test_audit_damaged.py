"""Files with bytes changed by chance are searched or said to be damaged; none ends the audit."""

import random

import pytest
from planted_files import NUMBER, PLACES

from cardiolens.cohorts.audit.folder import audit


@pytest.mark.parametrize("what", PLACES)
def test_a_damaged_file_does_not_end_the_audit(tmp_path, what):
    _, write = PLACES[what]
    write(tmp_path)
    chance = random.Random(what)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for _ in range(12):
            damaged = bytearray(whole)
            for _ in range(chance.choice((1, 3, 12))):
                if damaged:
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            path.write_bytes(damaged[: chance.choice((len(damaged), len(damaged) // 2))])
            report = audit([tmp_path], participants=[NUMBER])
            assert report.num_files == 1
            assert not any(NUMBER in note for note in report.notes)
