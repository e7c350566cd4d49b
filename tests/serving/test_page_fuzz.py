"""The service against its own OpenAPI schema: whatever is sent, the answer is one that it describes, and never a 500."""

import pytest
from hypothesis import HealthCheck, given, settings

from cardiolens.bundles.bundle import read_bundle
from cardiolens.serving.explanation import Explainer
from cardiolens.serving.page.app import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")
LEFT_OUT = [checks.positive_data_acceptance, checks.negative_data_rejection]
"""A schema cannot say that a file must hold an ECG, so what it allows may be refused. And in a form every value is text: null
or a list in place of a file arrives as letters that are allowed; a batch names what is no ECG beside the answers of others."""
OPERATIONS = [
    ("POST", "/v1/predict"), ("POST", "/v1/paper"), ("POST", "/v1/explain"), ("POST", "/v1/batch"), ("POST", "/v1/table"),
    ("GET", "/v1/model"), ("GET", "/health"), ("GET", "/metrics"),
]  # fmt: skip


@pytest.fixture(scope="module")
def schema(untrained_bundle):
    app = create_app(Explainer(read_bundle(untrained_bundle)))
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": "127.0.0.1"})


def test_all_operations_are_fuzzed(schema):
    found = {(one.ok().method.upper(), one.ok().path) for one in schema.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_schema_describes(schema, method, path):
    operation = schema[path][method]
    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        def holds(case):
            case.call_and_validate(headers={"host": "127.0.0.1"}, excluded_checks=LEFT_OUT)

        try:
            holds()
        except Exception as error:
            if "Unsatisfiable" in type(error).__name__ and method == "GET":
                continue  # a request without any parameter has no wrong ones
            raise
