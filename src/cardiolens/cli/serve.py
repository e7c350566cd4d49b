"""`serve`: the page and its service."""

from __future__ import annotations

import argparse
import errno
import socket
import sys

from cardiolens.cli.verbs import add_model, add_verb, fail

_REASONS = {errno.EADDRINUSE: "another program listens there", errno.EACCES: "this needs more rights"}


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`serve`."""
    serve = add_verb(
        verbs,
        "serve",
        _serve,
        "a page to drop ECG files on, and a service for programs",
        "cardiolens serve\n"
        "  cardiolens serve --model runs/mine/bundle --port 8080\n"
        "  curl -F files=@ecg.xml http://127.0.0.1:8765/v1/predict",
    )
    add_model(serve)
    serve.add_argument("--port", type=int, default=8765, help="port (default 8765)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    serve.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name by which other machines call it; with --host"
    )
    serve.add_argument("--most-mib", type=int, default=32, metavar="MIB", help="largest upload (default 32 MiB)")
    serve.add_argument("--threads", type=int, metavar="N", help="requests worked on at once (default: one per core)")


def _serve(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.port <= 65535 or arguments.most_mib < 1 or (arguments.threads is not None and arguments.threads < 1):
        fail("serve", "--port takes 0 to 65535, --most-mib and --threads 1 or more")
    try:
        import uvicorn

        from cardiolens.serving.page.app import LOOPBACK, create_app
    except ModuleNotFoundError as error:
        fail("serve", f"{error.name} is not installed; pip install 'cardiolens[serve]'")
    listening = _listening(arguments.host, arguments.port)
    print("loading the model; this takes some seconds ...", file=sys.stderr, flush=True)
    import os

    import torch

    from cardiolens.bundles.hub import answering_bundle
    from cardiolens.serving.explanation import Explainer
    from cardiolens.serving.held_files import keep_in_memory
    from cardiolens.serving.page.bounds import Bounds

    keep_in_memory()
    explainer = Explainer(answering_bundle(arguments.model))
    # Requests share the cores; several threads within one would only wait for each other.
    torch.set_num_threads(1)
    explainer.warm_up()
    app = create_app(
        explainer,
        bounds=Bounds(most_bytes=arguments.most_mib << 20),
        hosts=(*LOOPBACK, *arguments.allow_host),
        threads=arguments.threads or os.cpu_count() or 1,
    )
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"http://{host}:{listening.getsockname()[1]}  (Ctrl-C stops it). {explainer.predictor.notice}", file=sys.stderr)
    settings = uvicorn.Config(
        app, access_log=False, log_level="warning", server_header=False, timeout_keep_alive=15,
        h11_max_incomplete_event_size=1 << 16,
    )  # fmt: skip
    uvicorn.Server(settings).run(sockets=[listening])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    """Before the model is loaded and its address is told: a port that is taken is said at once."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        why = _REASONS.get(error.errno, error.strerror)
        fail("serve", f"cannot listen on {host}, port {port}: {why}; choose others with --host and --port")
