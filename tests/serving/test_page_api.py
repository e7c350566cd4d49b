"""The service behind the page: answers, refusals with their status, bounds, and nothing left behind."""

import json
import logging
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from cardiolens.bundles.bundle import read_bundle
from cardiolens.formats import cardiosoft_xml
from cardiolens.serving import held_files
from cardiolens.serving.explanation import Explainer
from cardiolens.serving.page.app import create_app
from cardiolens.serving.page.bounds import Bounds

TestClient = pytest.importorskip("starlette.testclient", reason="the extra `serve` is not installed").TestClient


@pytest.fixture(scope="module")
def explainer(untrained_bundle):
    return Explainer(read_bundle(untrained_bundle))


@pytest.fixture(scope="module")
def client(explainer):
    with TestClient(create_app(explainer), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def xml(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("ecg") / "ecg.xml"
    cardiosoft_xml.write(path, replace(recording, sex="F", age_years=61.0))
    return path.read_bytes()


def _file(content: bytes, name: str = "ecg.xml"):
    return {"files": (name, content, "application/octet-stream")}


def test_one_ecg_is_answered_as_the_predictor_answers_it(client, explainer, xml, tmp_path):
    answer = client.post("/v1/predict", files=_file(xml))
    assert answer.status_code == 200
    (tmp_path / "ecg.xml").write_bytes(xml)
    expected = explainer.predictor(tmp_path / "ecg.xml").to_json()
    assert answer.json() == json.loads(json.dumps(expected))
    assert "Research use only" in answer.json()["notice"]


@pytest.fixture
def record(recording, tmp_path):
    """A WFDB record's header and data as files of a form."""
    import wfdb

    wfdb.wrsamp(
        "rec", fs=500, units=["mV"] * 12, sig_name=list(recording.leads), p_signal=recording.signal_mv.T.astype(np.float64),
        fmt=["16"] * 12, write_dir=str(tmp_path),
    )  # fmt: skip
    return [("files", (name, (tmp_path / name).read_bytes(), "")) for name in ("rec.hea", "rec.dat")]


def test_a_record_of_two_files_is_one_ecg(client, record):
    assert client.post("/v1/predict", files=record).json()["source"] == "rec.hea"


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_record_is_told_to_send_the_other_half_and_not_to_copy_it(client, record, half):
    answer = client.post("/v1/predict", files=[record[half]])
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("send both as `files`")


def test_names_without_plain_letters_are_answered_each_and_in_order(client, xml):
    names = ["乙.xml", "甲.xml", "Müller Ångström 心電図.xml", "b.xml", "a.xml", "a.xml"]
    files = [("files", (name, xml, "")) for name in names]
    expected = [*names[:5], "a.xml (2)"]
    assert [one["source"] for one in client.post("/v1/batch", files=files).json()] == expected
    table = client.post("/v1/table", files=files).text.splitlines()[1:]
    assert [line.split(",")[0] for line in table] == expected


def test_paper_is_a_picture_and_an_explanation_has_its_figure(client, xml):
    paper = client.post("/v1/paper", files=_file(xml))
    assert (paper.headers["content-type"], paper.content[:4]) == ("image/png", b"\x89PNG")
    told = client.post("/v1/explain", files=_file(xml), data={"target": "LVEF"}).json()
    assert told["saliency"].startswith("data:image/png;base64,")
    assert set(told["of_leads"]) >= {"I", "V6"}


def test_a_batch_keeps_the_good_beside_the_bad_and_comes_as_a_table_too(client, xml):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/one.xml", xml)
        archive.writestr("a/bad.xml", xml[: len(xml) // 2])
    files = [("files", ("folder.zip", packed.getvalue(), "")), ("files", ("two.xml", xml, ""))]
    answers = client.post("/v1/batch", files=files).json()
    assert ["reason" in one for one in answers] == [True, False, False]
    assert [one["source"] for one in answers] == ["folder.zip/a/bad.xml", "folder.zip/a/one.xml", "two.xml"]
    table = client.post("/v1/table", files=files)
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert len(lines) == 4
    assert "Research use only" in lines[2]


@pytest.mark.parametrize(
    ("files", "data", "status", "said"),
    [
        (_file(b"not an ECG at all", "a.xml"), {}, 415, "expected"),
        (_file(b"", "empty.xml"), {}, 415, "empty.xml"),
        (_file(b"<CardiologyXML><broken", "cut.xml"), {}, 422, "cut.xml"),
        ({}, {}, 422, "files"),
        ({}, {"files": "ecg.xml"}, 422, "files: text, or a file without a name; expected a file"),
        (_file(b"x"), {"age_years": "old"}, 422, "age_years"),
        (_file(b"x"), {"sex": "X"}, 422, "sex"),
        (_file(b"x"), {"rate_hz": "-1"}, 422, "rate_hz"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_with_its_status(client, files, data, status, said):
    answer = client.post("/v1/predict", files=files or None, data=data)
    assert answer.status_code == status
    detail = answer.json()["detail"]
    assert said in detail
    assert "Traceback" not in detail
    assert "\n" not in detail


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"gender": "F"}, "gender: no field of this request; known are files, sex, age_years, rate_hz"),
        ({"lead_names": "I,II"}, "lead_names: no field"),
        ({"target": "LVEF"}, "target: no field"),
    ],
)
def test_a_field_that_nobody_would_look_at_is_refused(client, xml, data, said):
    answer = client.post("/v1/predict", files=_file(xml), data=data)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True)


def test_fields_behind_the_address_are_refused(client, xml):
    answer = client.post("/v1/batch?sex=F", files=_file(xml))
    assert (answer.status_code, "sex: fields go into the form" in answer.json()["detail"]) == (422, True)


def test_problems_name_fields_and_not_the_options_of_a_command(client, explainer):
    table = _file(b"1,2,3\n" * 6000, "--unit 5.csv")
    for path in ("predict", "batch", "table"):
        said = client.post(f"/v1/{path}", files=table).text
        assert "leads=I,II,III" in said
        assert "--unit 5.csv" in said
        assert "--lead-names" not in said
    said = client.post("/v1/explain", files=table, data={"target": "LVXX"}).json()["detail"]
    assert said.startswith("target: found LVXX")


def test_a_broken_form_leaves_no_line_in_the_log(client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/predict", content=b"secret", headers={"content-type": "multipart/form-data; boundary=x"})
    assert "secret" not in caplog.text
    assert [one for one in caplog.records if one.name.startswith("python_multipart")] == []


def test_whoever_asks_for_the_head_alone_gets_it(client):
    for path in ("/", "/page.js", "/health", "/v1/model", "/metrics"):
        head, whole = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
    assert client.head("/nowhere").status_code == 404


def test_a_misspelt_target_is_answered_with_what_there_is(client, xml):
    answer = client.post("/v1/explain", files=_file(xml), data={"target": "LVXX"})
    assert answer.status_code == 422
    assert "LVEF" in answer.json()["detail"]


def test_several_ecgs_for_one_answer_are_sent_to_the_batch(client, xml):
    files = [("files", ("a.xml", xml, "")), ("files", ("b.xml", xml, ""))]
    assert "/v1/batch" in client.post("/v1/predict", files=files).json()["detail"]


def test_a_body_that_is_no_form_is_refused_and_the_next_request_served(client, xml):
    for content, kind in ((b"\x00" * 100, "multipart/form-data; boundary=x"), (b"{}", "application/json"), (b"", "")):
        assert client.post("/v1/predict", content=content, headers={"content-type": kind}).status_code in (400, 415, 422)
    assert client.post("/v1/predict", files=_file(xml)).status_code == 200


def test_bodies_are_bounded_by_what_they_say_and_by_what_they_are(explainer, xml):
    with TestClient(create_app(explainer, bounds=Bounds(most_bytes=len(xml) + 1000)), base_url="http://127.0.0.1") as small:
        assert small.post("/v1/predict", files=_file(xml)).status_code == 200
        said = small.post("/v1/predict", files=_file(xml * 3))
        assert (said.status_code, "MiB" in said.json()["detail"]) == (413, True)

        whole = small.build_request("POST", "/v1/predict", files=_file(xml * 3))
        content = whole.read()

        def drip():
            for first in range(0, len(content), 50_000):
                yield content[first : first + 50_000]

        streamed = small.post("/v1/predict", content=drip(), headers={"content-type": whole.headers["content-type"]})
        assert streamed.status_code == 413
        assert small.post("/v1/predict", files=_file(xml)).status_code == 200


def test_a_body_that_does_not_arrive_is_given_up():
    import asyncio

    from cardiolens.serving.page.bounds import Bounded

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    async def never():
        await asyncio.sleep(60)

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(Bounded(app, Bounds(most_seconds=0.05))(scope, never, send))
    assert sent[0]["status"] == 408


def test_too_many_ecgs_in_a_batch_are_refused(explainer, xml):
    with TestClient(create_app(explainer, bounds=Bounds(most_ecgs=1)), base_url="http://127.0.0.1") as small:
        files = [("files", ("a.xml", xml, "")), ("files", ("b.xml", xml, ""))]
        assert small.post("/v1/batch", files=files).status_code == 413


def test_more_at_once_than_there_is_room_for_are_asked_to_come_again(explainer, xml):
    with TestClient(create_app(explainer, bounds=Bounds(most_requests=1)), base_url="http://127.0.0.1") as small:
        begun, go_on = threading.Event(), threading.Event()
        whole = small.build_request("POST", "/v1/predict", files=_file(xml))
        content = whole.read()

        def slowly():
            yield content[:1000]
            begun.set()
            go_on.wait(20)
            yield content[1000:]

        with ThreadPoolExecutor(1) as other:
            headers = {"content-type": whole.headers["content-type"]}
            first = other.submit(small.post, "/v1/predict", content=slowly(), headers=headers)
            begun.wait(20)
            turned_away = [small.post("/v1/predict", files=_file(xml)).status_code for _ in range(3)]
            go_on.set()
            # Whether the test's transport lets the second in before the first has arrived is its own affair.
            assert set(turned_away) <= {200, 503}
            assert first.result().status_code == 200
        assert small.post("/v1/predict", files=_file(xml)).status_code == 200


def test_pages_of_other_sites_and_other_names_of_this_machine_are_refused(client, xml):
    answer = client.post("/v1/predict", files=_file(xml), headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400
    assert client.post("/v1/predict", files=_file(xml), headers={"origin": "http://127.0.0.1"}).status_code == 200


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(client):
    for path in ("/", "/page.js", "/health", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_the_page_needs_no_network(client):
    for path in ("/", "/page.css", "/page.js", "/dom.js", "/risks.js", "/phenotypes.js", "/bulls_eye.js"):
        content = client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in content
        assert "https://" not in content
        assert "//cdn" not in content


def test_the_sample_is_answered(client):
    sample = client.get("/sample_ecg.xml").content
    answer = client.post("/v1/predict", files=_file(sample)).json()
    assert answer["quality"] in ("good", "usable with notes")


def test_health_model_and_metrics(client, xml):
    assert client.get("/health").json()["status"] == "ok"
    known = client.get("/v1/model").json()
    assert {"column": "lvef_percent", "name": "LVEF", "unit": "%"} in known["targets"]
    assert {one["unit"] for one in known["targets"] if one["column"] in ("cad", "af", "dm")} == {"probability"}
    assert (known["subjects"], known["on_real_ecgs"]) == ("people", "")
    client.post("/v1/predict", files=_file(xml, "1234567_secret.xml"))
    text = client.get("/metrics").text
    assert 'cardiolens_requests_total{route="/v1/predict",status="200"}' in text
    assert "secret" not in text
    client.get("/made/up/path")
    assert "made" not in client.get("/metrics").text


def test_nothing_is_left_behind_and_no_name_is_logged(client, xml, caplog, tmp_path, monkeypatch):
    # Other processes on this machine hold files in the usual folders.
    monkeypatch.setattr(held_files, "_MEMORY", tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    untouched = tmp_path.stat().st_mtime_ns
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/predict", files=_file(xml, "7654321_20205_2_0.xml"))
        client.post("/v1/predict", files=_file(b"broken", "7654321_20205_2_0.xml"))
    assert tmp_path.stat().st_mtime_ns > untouched, "the files did lie here"
    assert not list(tmp_path.iterdir())
    assert "7654321" not in caplog.text


def test_a_participant_in_a_file_name_does_not_come_back(client, xml):
    answer = client.post("/v1/predict", files=_file(xml, "7654321_20205_2_0.xml")).text
    assert "7654321" not in answer
    assert "7654321" not in client.post("/v1/predict", files=_file(b"broken", "7654321_20205_2_0.xml")).text
