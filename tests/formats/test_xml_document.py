import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats import xml_document
from cardiolens.formats.xml_document import read_xml, root_tag

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    + "]><CardiologyXML>&a11;</CardiologyXML>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]><CardiologyXML>&secret;</CardiologyXML>'


def test_xml_is_read_in_its_own_encoding(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(
        '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE a SYSTEM "a.dtd"><a unit="µV">é</a>'.encode("latin-1")
    )
    root = read_xml(path)
    assert (root.tag, root.get("unit"), root.text) == ("a", "µV", "é")


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_entities_are_refused_before_they_do_anything(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(BadRecording, match=r"a\.xml: found an entity"):
        read_xml(path)


@pytest.mark.parametrize(
    "text", ["", "<a>", "<a></b>", "no xml", '<?xml version="1.0" encoding="nonsense"?><a/>', "<a>\x00</a>"]
)
def test_what_is_no_whole_xml_is_refused(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(BadRecording, match=r"a\.xml: found broken XML"):
        read_xml(path)


def test_size_and_number_of_elements_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "a.xml"
    path.write_text("<a>" + "<b/>" * 50 + "</a>")
    assert len(read_xml(path)) == 50
    monkeypatch.setattr(xml_document, "MOST_ELEMENTS", 50)
    with pytest.raises(BadRecording, match="more than 50 XML elements"):
        read_xml(path)
    monkeypatch.setattr(xml_document, "MOST_BYTES", 100)
    with pytest.raises(BadRecording, match="more than 0 MiB"):
        read_xml(path)


@pytest.mark.parametrize(
    "head",
    [
        b"<a>",
        b"<a x='1'",
        b"<v:a xmlns:v='urn'>",
        b'<?xml version="1.0"?>\n<!-- <b> -->\n<!DOCTYPE a SYSTEM "a.dtd">\n<a/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>',
        "\ufeff<?xml version='1.0'?><a>".encode(),
        "\ufeff<?xml version='1.0' encoding='utf-16'?>\r\n<a>".encode("utf-16-le"),
        "\ufeff<a\n>".encode("utf-16-be"),
    ],
)
def test_the_root_is_named_whatever_stands_before_it(head):
    assert root_tag(head) == "a"


@pytest.mark.parametrize("head", [b"", b"I,II,III", b"<!-- <a> ", b"text <a>", b"\xff\xfe", b"< a>", b"<a"])
def test_what_is_no_xml_has_no_root(head):
    assert root_tag(head) is None
