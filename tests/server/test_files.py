from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.server.files import permitted


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "etl.py").write_text("")
    (tmp_path / "secret.py").write_text("")
    (folder / "way_out.py").symlink_to(tmp_path / "secret.py")
    (folder / "inside.py").symlink_to(folder / "etl.py")
    return folder


def given(path: str, root: Path, mode: str = "client") -> str:
    return permitted(path, [root], parameter="filePath", deploy_mode=mode)


@pytest.mark.parametrize("form", ["{root}/etl.py", "file:{root}/etl.py", "file://{root}/inside.py"])
def test_a_file_below_a_root_is_given_as_it_lies_there(form: str, root: Path) -> None:
    assert given(form.format(root=root), root) == str(root / "etl.py")


def test_a_root_may_itself_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)

    assert given(f"{tmp_path}/link/etl.py", tmp_path / "link") == str(root / "etl.py")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("{root}/../secret.py", "below Libra's file_roots"),
        ("{root}/way_out.py", "below Libra's file_roots"),
        ("file:{root}/%2e%2e/secret.py", "below Libra's file_roots"),
        ("{root}-else/etl.py", "below Libra's file_roots"),
        ("{root}/missing.py", "no such file"),
        ("{root}", "no such file"),
        ("etl.py", "absolute"),
        ("{root}/etl.py\0.jar", "absolute"),
        ("ssh://host/etl.py", "URL with scheme http"),
        ("local:{root}/etl.py", "URL with scheme http"),
    ],
)
def test_nothing_else_of_this_host_can_be_named(path: str, why: str, root: Path) -> None:
    with pytest.raises(BadInput, match=why):
        given(path.format(root=root), root)


@pytest.mark.parametrize("url", ["http://h/a.jar", "HTTPS://h/a.jar", "s3a://b/a.py", "hdfs:///a"])
def test_a_remote_url_stays_as_it_is(url: str) -> None:
    assert permitted(url, [], parameter="filePath") == url


def test_a_path_on_the_workers_must_look_as_if_it_were_below_a_root(root: Path) -> None:
    assert given(f"local:{root}/./only_there.py", root, "cluster") == f"local:{root}/only_there.py"
    with pytest.raises(BadInput, match="file_roots"):
        given(f"local:{root}/../secret.py", root, "cluster")


def test_without_roots_the_error_says_so(root: Path) -> None:
    with pytest.raises(BadInput, match=r"\(none so far\)"):
        permitted(str(root / "etl.py"), [], parameter="filePath")
