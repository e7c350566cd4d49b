"""Twenty clients at once on a service of its own: no error, and memory that does not grow with the number of requests."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from served import served

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
SAMPLE = Path(__file__).resolve().parents[2] / "src/cardiolens/serving/page/static/sample_ecg.xml"
CLIENTS, ROUNDS = 20, 5
pytestmark = pytest.mark.timeout(900)


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        pytest.skip("this system does not say how much memory a process holds")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text()).group(1)) / 1024


def test_twenty_clients_at_once_are_all_answered_within_memory(untrained_bundle, tmp_path):
    content = SAMPLE.read_bytes()
    with served("--model", str(untrained_bundle), log=tmp_path / "log") as (url, pid):

        def ask(number: int) -> list[tuple[int, object]]:
            found = []
            with httpx.Client(base_url=url, timeout=300) as client:
                for k in range(ROUNDS):
                    # Every fourth request is broken: it must not cost the others anything.
                    broken = (number + k) % 4 == 0
                    sent = content[: len(content) // 3] if broken else content
                    answer = client.post("/v1/predict", files={"files": ("ecg.xml", sent)})
                    found.append((answer.status_code == (422 if broken else 200), answer.json()))
            return found

        with ThreadPoolExecutor(CLIENTS) as clients:
            first = [one for of in clients.map(ask, range(CLIENTS)) for one in of]
            before = _resident_mib(pid)
            later = [one for of in clients.map(ask, range(CLIENTS)) for one in of]
            after = _resident_mib(pid)
    assert len(first + later) == 2 * CLIENTS * ROUNDS
    assert all(as_expected for as_expected, _ in first + later)
    answers = {json.dumps(answer["risks"]) for _, answer in first + later if "risks" in answer}
    assert len(answers) == 1
    assert after < before + 150
    assert after < 2500


def test_it_ends_by_ctrl_c_and_says_where_it_is(untrained_bundle, tmp_path):
    with served("--model", str(untrained_bundle), log=tmp_path / "log") as (url, _):
        pass
    said = (tmp_path / "log").read_text()
    assert url in said
    assert "Research use only" in said
    assert "Traceback" not in said
