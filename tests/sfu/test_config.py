"""A setting that is wrong is named before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from sfu.config import NodeConfig, read_secret, secret_now
from sfu.errors import ConfigError
from tests.support.node import node_config
from tests.support.stand_in import SECRET


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "node"}, "name must be sfu and a number"),
        ({"port": -1}, "port must be 0 to 65535"),
        ({"udp_port": 65_535, "workers": 2}, "udp_port"),
        ({"workers": 0}, "workers must be 1 to 256"),
        ({"secret": "short"}, "secret must have 16 characters"),
        ({"advertise": ("localhost",)}, "advertise must be IP addresses"),
        ({"public_url": "example.org"}, "URL must look like"),
        ({"signaling": ()}, "signaling must be a URL"),
        ({"resume_grace_s": 0}, "resume_grace_s must be above 0"),
        ({"most_voices": 0}, "most_voices must be 1 or more"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        node_config(**changes)


def test_the_secret_is_never_shown() -> None:
    assert SECRET not in repr(node_config())
    with pytest.raises(ConfigError) as caught:
        node_config(secret="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "https", "wss"),
    [
        ({}, "ws://127.0.0.1:5/sfu1/socket.io", "ws://127.0.0.1:5/ws-sfu1"),
        ({"host": "::1", "name": "sfu7"}, "ws://[::1]:5/sfu7/socket.io", "ws://[::1]:5/ws-sfu7"),
        ({"host": "0.0.0.0"}, "ws://127.0.0.1:5/sfu1/socket.io", "ws://127.0.0.1:5/ws-sfu1"),
        (
            {"public_url": "https://example.org/media/"},
            "wss://example.org/media/sfu1/socket.io",
            "wss://example.org/media/ws-sfu1",
        ),
    ],
)
def test_clients_are_told_where_they_reach_the_node(changes: dict[str, Any], https: str, wss: str) -> None:
    assert node_config(**changes).server(5) == {"https": https, "wss": wss}


def test_addresses_default_to_the_primary_one_and_this_machine() -> None:
    config = NodeConfig(signaling=("http://127.0.0.1:1",), secret=SECRET)
    assert config.addresses()[-1] == "127.0.0.1"


def test_the_secret_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert read_secret(file, {}) == SECRET
    assert read_secret(None, {"TERTULIA_NODE_SECRET": SECRET}) == SECRET
    lines = "\nthe new secret of a node \nthe old secret of a node\n"
    assert read_secret(None, {"TERTULIA_NODE_SECRET": lines}) == "the new secret of a node"
    with pytest.raises(ConfigError, match="is missing"):
        read_secret(None, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_secret(tmp_path / "nothing", {})


def test_the_first_line_of_the_secret_s_file_counts_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("the new secret of a node\nthe old secret of a node\n")
    config = node_config(secret=read_secret(file, {}), secret_file=file)
    assert secret_now(config) == "the new secret of a node"
    file.write_text("an even newer secret\n")
    assert secret_now(config) == "an even newer secret"
    file.unlink()
    assert secret_now(config) == "the new secret of a node"
