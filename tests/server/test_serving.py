from __future__ import annotations

import fcntl
import socket
from pathlib import Path

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.server import Settings, serve


def test_second_start_on_a_taken_port_fails_with_the_port_in_the_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(BadInput, match=rf"127\.0\.0\.1:{port} \(address already in use\)"):
            serve(Settings(port=port, data_dir=tmp_path))


def test_a_folder_of_another_libra_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(BadInput, match="another Libra"):
            serve(Settings(port=0, data_dir=tmp_path))
