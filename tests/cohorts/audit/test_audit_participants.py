"""The user's list of participants in the forms that people have it in."""

import pytest

from cardiolens.cohorts.audit.participants import read_participants
from cardiolens.errors import BadInput


@pytest.mark.parametrize(
    "text",
    [
        '{"schema_version": 1, "participants": {"21f2c613e71b": "1234567", "4a57b591fb27": 2345678}}',
        '{"participants": ["1234567", "2345678"]}',
        "1234567\n2345678\n",
        "eid\n1234567.0\n2345678.0\n",
        "eid\r\n1234567\r\n2345678\r\n",
        "\ufeffeid,sex\n1234567,0\n2345678,1\n\n",
        "row\tf.eid\n1\t1234567\n2\t2345678\n",
        '"age";"Participant ID"\n61;"1234567"\n62;"2345678"\n',
    ],
)  # fmt: skip
def test_numbers_are_read(tmp_path, text):
    (tmp_path / "key").write_text(text)
    assert read_participants(tmp_path / "key") == {"1234567", "2345678"}


@pytest.mark.parametrize("text", ["", "eid\n", '{"people": {}}', '{"participants": {}}', '{"participants": 3}', "{"])
def test_a_list_of_nobody_is_refused_with_what_to_do(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(BadInput, match="expected JSON with an object"):
        read_participants(tmp_path / "key")
