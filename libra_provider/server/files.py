"""Which files a statement may name, and where its driver finds them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from libra_provider.core.errors import BadInput
from libra_provider.core.kinds import DeployMode
from libra_provider.server.model.artifact import SCHEME, Artifact
from libra_provider.server.model.statement import StatementSpec

_REMOTE = ("http", "https", "s3a", "hdfs")
# The properties that are lists of files.
FILES = ("spark.jars", "spark.files", "spark.archives", "spark.submit.pyFiles")


def permitted(
    path: str,
    roots: Sequence[Path],
    *,
    parameter: str,
    deploy_mode: str = DeployMode.CLIENT,
    artifact: Callable[[Artifact], str] | None = None,
) -> str:
    """*path* as a driver finds it: a URL as it is, a file below one of *roots* resolved.

    What *artifact* says of one of Libra's artifacts; None: the driver gets none. Raises BadInput
    for all else. A ``local:`` path lies on the workers, where only a driver in cluster mode sees
    it; its links cannot be followed from here.
    """
    scheme, colon, _ = path.split("/", 1)[0].partition(":")
    if not colon:
        return _file(path, path, roots, parameter)
    if scheme == SCHEME:
        if artifact is None:
            raise BadInput(parameter, path, "artifacts are available to dedicated drivers only")
        return artifact(Artifact.of(path, parameter=parameter))
    if scheme.lower() in _REMOTE:
        return path
    bare = unquote(urlsplit(path).path)
    if scheme.lower() == "file":
        return _file(path, bare, roots, parameter)
    if scheme.lower() == "local" and deploy_mode == DeployMode.CLUSTER:
        normal = Path(os.path.normpath(bare))
        _check_root(path, normal, roots, parameter)
        return f"local:{normal}"
    schemes = ", ".join(_REMOTE)
    raise BadInput(parameter, path, f"expected the path of a file, or a URL with scheme {schemes}")


def _file(given: str, path: str, roots: Sequence[Path], parameter: str) -> str:
    if "\0" in path or not Path(path).is_absolute():
        raise BadInput(parameter, given, "expected an absolute path or a URL")
    # Links are followed first: one below a root may lead out of it.
    resolved = Path(path).resolve()
    _check_root(given, resolved, roots, parameter)
    if not resolved.is_file():
        raise BadInput(parameter, given, "no such file on Libra's host")
    return str(resolved)


def _check_root(given: str, path: Path, roots: Sequence[Path], parameter: str) -> None:
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        below = ", ".join(map(str, roots)) or "none so far"
        raise BadInput(parameter, given, f"files must be below Libra's file_roots ({below})")


def artifacts_of(spec: StatementSpec) -> Iterator[tuple[str, Artifact]]:
    """The artifacts that *spec* names, each with the parameter that does."""
    yield from (("artifacts", Artifact(**each)) for each in spec.artifacts)
    for parameter, path in _named(spec):
        if path.startswith(f"{SCHEME}:"):
            yield parameter, Artifact.of(path, parameter=parameter)


def _named(spec: StatementSpec) -> Iterator[tuple[str, str]]:
    yield "filePath", spec.file_path or ""
    for key in FILES:
        for item in spec.spark_config.get(key, "").split(","):
            yield f"sparkConfig[{key!r}]", item.partition("#")[0].strip()
