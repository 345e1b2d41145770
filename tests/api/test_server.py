"""What stops the service before it listens."""

import socket
from typing import Any

import pytest

from leadml.api.server import serve
from leadml.errors import ConfigError


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "leads.example.com"])
def test_other_machines_are_not_served_without_a_key(
    tmp_path: Any, make_settings: Any, host: str
) -> None:
    with pytest.raises(
        ConfigError, match=r"answer other machines without a key: set LEADML_API_KEYS"
    ):
        serve(make_settings(tmp_path), host=host, port=0, say=print)


def test_a_port_in_use_is_one_line(tmp_path: Any, make_settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = f"cannot listen on 127.0.0.1 port {port}: Address already in use; free it"
        with pytest.raises(ConfigError, match=expected):
            serve(make_settings(tmp_path), host="127.0.0.1", port=port, say=print)


def test_an_address_that_is_not_ours_is_one_line(tmp_path: Any, make_settings: Any) -> None:
    settings = make_settings(tmp_path, keys=("k",))
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        serve(settings, host="192.0.2.1", port=0, say=print)
