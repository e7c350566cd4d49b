"""Bundles on the Hugging Face hub: fetched by their name, pushed as they are.

Only a bundle's own files travel, all of them tensors, JSON or Markdown; nothing that was fetched is ever executed. A folder on
this machine needs neither the network nor the hub's library.
"""

from __future__ import annotations

import re
from pathlib import Path

from cardiolens.atomic import full_disk_named
from cardiolens.bundles.bundle import BUNDLE_FILES, CONFIG, OPTIONAL_FILES, Bundle, read_bundle, shipped_bundle_path
from cardiolens.errors import BadBundle, BadOption, NoSpace
from cardiolens.privacy import display_name

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w./-]*", re.ASCII)
_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_FETCH_ELSEWHERE = (
    "no whole copy is in the cache here: fetch it on a machine with network and name its folder, or set HF_HOME to a cache "
    "that holds it and HF_HUB_OFFLINE=1"
)
_PUSH_ELSEWHERE = "push from a machine with network"


def answering_bundle(path_or_id: str | Path | None = None) -> Bundle:
    """The bundle to answer with, from its folder or the hub; the one that ships where none is named.

    Raises:
        BadBundle: it is no whole bundle, cannot be fetched, or has no heads.
    """
    path = shipped_bundle_path() if path_or_id is None else fetch_bundle(path_or_id)
    bundle = read_bundle(path)
    if not bundle.config.heads:
        named = path_or_id if path_or_id is not None and not Path(path_or_id).exists() else display_name(path)
        raise BadBundle(
            str(named),
            found="encoders but no heads",
            expected="a fine-tuned bundle",
            remedy=f"fine-tune from it: cardiolens train RECIPE --start-from {named} --cohort COHORT --out RUN",
        )
    return bundle


def fetch_bundle(path_or_id: str | Path, *, revision: str | None = None) -> Path:
    """The folder of a bundle: `path_or_id` itself where it exists, else a copy of OWNER/NAME[@REVISION] of the hub.

    What was fetched before is not fetched again, and is found without network (`HF_HUB_OFFLINE=1`) in the hub's cache
    (`HF_HOME`). A name is not looked for on the hub where OWNER is a folder here: then it is a mistyped path, which nobody else
    should read.

    Raises:
        BadBundle: there is no such folder, or the hub does not give it; one line says what to do.
        BadOption: the revision is none.
        NoSpace: the device is full.
    """
    path = Path(path_or_id)
    if path.exists():
        return path
    name, _, asked = path.as_posix().partition("@")
    if not _NAME.fullmatch(name) or Path(name).parent.is_dir():
        raise BadBundle(
            path,
            found="no such folder",
            expected="a folder that exists, or OWNER/NAME[@REVISION] of a bundle on the hub where no folder is called OWNER",
            remedy="check the path",
        )
    revision = revision or asked or "main"
    if not _REVISION.fullmatch(revision):
        raise BadOption(
            name, found=f"revision {revision[:80]!r}", expected="a branch, tag or commit", remedy="name it as in OWNER/NAME@v1"
        )
    from huggingface_hub import snapshot_download

    try:
        with full_disk_named(path):
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(BUNDLE_FILES)))
    except NoSpace:
        raise
    except Exception as error:
        # The library and its HTTP client fail in many ways, on no common class; each is one line to the user.
        raise _refusal(name, error, f"no revision {revision}", _FETCH_ELSEWHERE) from error


def push_bundle(path: Path, repo_id: str, *, private: bool = True, token: str | None = None) -> str:
    """Put the bundle in folder `path` on the hub as OWNER/NAME, its files to the byte and no others; gives the address.

    A model that is there already becomes this one. `token` is otherwise that of HF_TOKEN or of `hf auth login`.

    Raises:
        BadBundle: the folder is no whole bundle, or the hub refuses it.
        BadOption: OWNER/NAME is no name, or is there and visible to others than `private` says.
    """
    files = {CONFIG, *read_bundle(path).config.files}
    if not _NAME.fullmatch(repo_id):
        raise BadOption(repo_id, found="no name for the hub", expected="OWNER/NAME", remedy="name your account and a model")
    from huggingface_hub import HfApi

    hub = HfApi(token=token)
    try:
        url = str(hub.create_repo(repo_id, private=private, exist_ok=True))
        visible = not hub.repo_info(repo_id).private
    except Exception as error:
        raise _refusal(repo_id, error, "no first revision", _PUSH_ELSEWHERE) from error
    if visible is private:
        raise BadOption(
            repo_id,
            found=f"a {'public' if visible else 'private'} model of this name",
            expected="a private one" if private else "a public one",
            remedy="choose another name, change it on the hub, or ask for it with or without --public",
        )
    try:
        hub.upload_folder(
            repo_id=repo_id,
            folder_path=path,
            allow_patterns=sorted(files),
            # Of a bundle that was there before and had more.
            delete_patterns=sorted(set(OPTIONAL_FILES) - files),
            commit_message="Bundle",
        )
    except Exception as error:
        raise _refusal(repo_id, error, "no first revision", _PUSH_ELSEWHERE) from error
    return url


def _refusal(name: str, error: Exception, no_revision: str, without_network: str) -> BadBundle:
    from huggingface_hub import errors

    # The HTTP client's own errors are not exported; the library's derive from them.
    failed_connections = (OSError, *errors.HfHubHTTPError.__bases__)
    status = getattr(getattr(error, "response", None), "status_code", None)
    expected = "a bundle on the hub"
    match error:
        case errors.GatedRepoError():
            found, remedy = "a model that asks for permission", f"ask for it on its page of the hub, then {_LOG_IN}"
        case errors.RevisionNotFoundError():
            found, remedy = no_revision, "name a branch, tag or commit that it has"
        case errors.RepositoryNotFoundError():
            found, remedy = "no such model, or a private one", f"check the name; for a private one, {_LOG_IN}"
        case errors.HFValidationError():
            found, expected, remedy = "no name for the hub", "OWNER/NAME", "check the name"
        case errors.HfHubHTTPError() if status in (401, 403):
            found, expected, remedy = f"refusal {status} of the hub", "an account that may do this", _LOG_IN
        case errors.HfHubHTTPError():
            found, expected, remedy = f"answer {status} of the hub", "one that it can use", "try again later"
        case PermissionError():
            found, expected, remedy = "a cache that may not be written", "one that may", "set HF_HOME to a folder of yours"
        case _ if isinstance(error, failed_connections):
            found, remedy = f"no connection to the hub ({type(error).__name__})", without_network
        case _:
            found, remedy = f"{type(error).__name__}: {str(error)[:200]}", "update huggingface_hub, or try again later"
    return BadBundle(name, found=found, expected=expected, remedy=remedy)
