"""The service: a page for people, `/v1` for programs, `/health` and `/metrics` for whoever runs it.

Uploads are read from memory, answered and forgotten: nothing is stored, no name is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from importlib.resources import files as package_files
from typing import Annotated, Any, Literal, get_type_hints

import anyio
from fastapi import Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, create_model
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from cardiolens.bundles.config import SYNTHETIC, BundleConfig
from cardiolens.errors import BadInput, CardiolensError
from cardiolens.formats.declaration import Declaration
from cardiolens.serving.answers import Answer, Refusal
from cardiolens.serving.explanation import Explainer, targets
from cardiolens.serving.intake import Intake
from cardiolens.serving.page.asked import Service, Unanswerable, Uploads
from cardiolens.serving.page.bounds import Bounded, Bounds
from cardiolens.serving.page.fields import known_fields, problem, unknown_field
from cardiolens.serving.page.metrics import Metered
from cardiolens.tasks import TaskKind

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_STATIC = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    **dict.fromkeys(("page.js", "dom.js", "risks.js", "phenotypes.js", "bulls_eye.js"), "text/javascript; charset=utf-8"),
    "sample_ecg.xml": "application/xml",
}
_MOST_FILES = 2000
_UNPROVEN = "The values on real ECGs are unproven: see “On real recordings” in README.md."


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


class Health(BaseModel):
    """Whether the service can answer, and with what."""

    status: Literal["ok"]
    model: str
    version: str
    notice: str


def _shown(noun: type, **more: Any) -> type[BaseModel]:
    """A dataclass as the API describes it, with what it computes."""
    fields = {name: (hint, ...) for name, hint in get_type_hints(noun).items()}
    return create_model(noun.__name__, **fields, **{name: (hint, ...) for name, hint in more.items()})


AnswerShown = _shown(Answer, applicable=bool | None, warning=str)
RefusalShown = _shown(Refusal)

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": said}
    for status, said in {
        400: "The request is no form with files",
        403: "A page of another site asked",
        408: "The body did not arrive in time",
        413: "Too large",
        415: "The file is of no known format",
        422: "The file or a field cannot be used",
        503: "Too many requests at once",
    }.items()
}


def create_app(
    explainer: Explainer, *, bounds: Bounds | None = None, hosts: tuple[str, ...] = LOOPBACK, threads: int = 2
) -> Any:
    """The ASGI application that answers with one bundle.

    `hosts` are the names by which it may be called; `threads` requests are worked on at once.
    """
    bounds = bounds or Bounds()
    # It writes parts of broken forms, and the client learns of them anyway.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    service = Service(explainer, bounds.most_ecgs)
    app = FastAPI(
        title="cardiolens",
        version=version("cardiolens"),
        summary="What a cardiac MRI would show, from a 12-lead ECG",
        description=f"Research use only: not a medical device. {explainer.predictor.notice}",
        docs_url=None,  # its page loads scripts from the internet
        redoc_url=None,
    )
    limiter = _Limiter(threads)
    _add_problems(app)
    _add_pages(app, explainer)
    _add_questions(app, service, limiter)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    metered = Metered(Bounded(app, bounds))

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counts in the text form that Prometheus reads."""
        return PlainTextResponse(metered.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return metered


class _Limiter:
    """Runs work on threads, so many at once; made where the loop runs."""

    def __init__(self, threads: int) -> None:
        self._threads, self._limiter = threads, None

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._threads)
        return await anyio.to_thread.run_sync(partial(work, *arguments), limiter=self._limiter)


async def _uploaded(
    files: Annotated[list[UploadFile], File(min_length=1, description="An ECG; a WFDB header goes with its data file")],
) -> Uploads:
    if len(files) > _MOST_FILES:
        raise Unanswerable(413, f"{len(files)} files; at most {_MOST_FILES} at once, or a zip of them")
    return [(file.filename or "ecg", await file.read()) for file in files]


def _declared(
    rate_hz: Annotated[float | None, Form(gt=0, le=100_000, description="Of files that do not say it")] = None,
    unit: Annotated[Literal["V", "mV", "uV", "nV"] | None, Form(description="Of files that do not say it")] = None,
    leads: Annotated[str | None, Form(max_length=200, description="I,II,III,... of files without names")] = None,
    sex: Annotated[Literal["F", "M"] | None, Form(description="For reference ranges, of files that do not say it")] = None,
    age_years: Annotated[float | None, Form(ge=0, le=130, description="For reference ranges")] = None,
    allow_missing_leads: Annotated[bool, Form(description="Accept zeros for chest leads not recorded")] = False,
) -> dict[str, Any]:
    names = tuple(name.strip() for name in (leads or "").split(",") if name.strip())
    try:
        declared = Declaration(rate_hz=rate_hz, unit=unit, leads=names)
    except BadInput as error:
        raise Unanswerable(422, problem(error)) from error
    return {"declared": declared, "sex": sex, "age_years": age_years, "allow_missing_leads": allow_missing_leads}


def _only(*more: str) -> Any:
    """Refuses a form with fields that nobody would look at."""
    known = known_fields(*more)

    async def checked(request: Request) -> None:
        # A field in the address is overlooked as easily as a misspelt one.
        if asked := ", ".join(request.query_params):
            raise Unanswerable(422, f"{asked[:50]}: fields go into the form, not behind the address")
        if said := unknown_field((await request.form()).keys(), known):
            raise Unanswerable(422, said)

    return Depends(checked)


_Files = Annotated[Uploads, Depends(_uploaded)]
_Settings = Annotated[dict[str, Any], Depends(_declared)]


def _add_questions(app: FastAPI, service: Service, limiter: _Limiter) -> None:
    predictor = service.explainer.predictor

    def intake(settings: dict[str, Any]) -> Intake:
        return predictor.intake(**settings)

    @app.post("/v1/predict", dependencies=[_only()], responses=_PROBLEMS, response_model=AnswerShown)
    async def predict(files: _Files, settings: _Settings) -> dict[str, Any]:
        """Risks and MRI phenotypes of one ECG."""
        return (await limiter.run(service.predict, files, intake(settings))).to_json()

    @app.post(
        "/v1/paper",
        dependencies=[_only()],
        responses=_PROBLEMS | {200: {"content": {"image/png": {}}}},
        response_class=Response,
    )
    async def paper(files: _Files, settings: _Settings) -> Response:
        """One ECG on paper: 25 mm/s, 10 mm/mV."""
        return Response(await limiter.run(service.paper, files, intake(settings)), media_type="image/png")

    @app.post("/v1/explain", dependencies=[_only("target")], responses=_PROBLEMS)
    async def explain(
        files: _Files, settings: _Settings, target: Annotated[str, Form(max_length=100, description="LVEF, cad, ...")]
    ) -> dict[str, Any]:
        """Which leads and times carry an answer, and hearts that resemble the ECG."""
        return await limiter.run(service.explain, files, intake(settings), target)

    @app.post("/v1/batch", dependencies=[_only()], responses=_PROBLEMS, response_model=list[AnswerShown | RefusalShown])
    async def batch(files: _Files, settings: _Settings) -> list[dict[str, Any]]:
        """Answers for many ECGs, or why one has none; a zip stands for the files in it."""
        return [one.to_json() for one in await limiter.run(service.batch, files, intake(settings))]

    @app.post(
        "/v1/table", dependencies=[_only()], responses=_PROBLEMS | {200: {"content": {"text/csv": {}}}}, response_class=Response
    )
    async def table(files: _Files, settings: _Settings) -> Response:
        """The same as CSV, one row per ECG."""
        text = await limiter.run(service.table, files, intake(settings))
        headers = {"content-disposition": 'attachment; filename="cardiolens.csv"'}
        return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


def _add_pages(app: FastAPI, explainer: Explainer) -> None:
    folder = package_files("cardiolens.serving.page") / "static"
    config = explainer.config

    def shown(name: str) -> Callable[[], Awaitable[Response]]:
        content = (folder / name).read_bytes()

        async def page() -> Response:
            return Response(content, media_type=_STATIC[name])

        return page

    for name in _STATIC:
        app.add_api_route("/" if name == "index.html" else f"/{name}", shown(name), include_in_schema=False)

    @app.get("/health")
    async def health() -> Health:
        """Whether the service can answer, and with what."""
        return Health(status="ok", model=config.name, version=app.version, notice=explainer.predictor.notice)

    @app.get("/v1/model")
    async def model() -> dict[str, Any]:
        """What the model predicts, what it was trained on and how well it did."""
        return {
            "name": config.name,
            "training_data": config.training_data,
            "notice": config.notice,
            "subjects": config.subjects,
            "on_real_ecgs": _UNPROVEN if config.subjects == SYNTHETIC else "",
            "targets": _targets(config),
            "measurements": [vars(m) for m in config.measurements],
            "reference_ranges": any(card.references for card in config.heads),
            "look_alikes": config.bank is not None,
        }


def _targets(config: BundleConfig) -> list[dict[str, str]]:
    """What is predicted, in the unit in which an answer has it."""
    diseases = {column for card in config.heads if card.kind is TaskKind.CLASSIFICATION for column in card.columns}
    return [
        {"column": one.column, "name": one.name, "unit": "probability" if one.column in diseases else one.unit}
        for one in targets(config.heads)
    ]


def _add_problems(app: FastAPI) -> None:
    def said(status: int, detail: str) -> JSONResponse:
        return JSONResponse({"detail": detail}, status_code=status)

    @app.exception_handler(Unanswerable)
    async def unanswerable(_: Request, error: Unanswerable) -> JSONResponse:
        return said(error.status, error.detail)

    @app.exception_handler(CardiolensError)
    async def ours(_: Request, error: CardiolensError) -> JSONResponse:
        return said(422, problem(error) if isinstance(error, BadInput) else str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "body"
        if first["loc"][1:2] == ("files",) and isinstance(first.get("input"), str):
            return said(422, "files: text, or a file without a name; expected a file; with curl write -F files=@ecg.xml")
        return said(422, f"{place}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def by_framework(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": str(error.detail)}, status_code=error.status_code, headers=error.headers)
