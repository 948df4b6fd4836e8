"""A real Prometheus behind TLS, client certificates and a password, with its certificates."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import trustme
import yaml

from forewarn_adapters.local_servers import PROMETHEUS, find_program, free_port
from webhook import wait_until

NAME = "prometheus.test"
USERNAME, PASSWORD = "reader", "correct horse"


@dataclass(frozen=True)
class SecurePrometheus:
    """Where it is, and what a client needs; `cert_file` holds the key as well."""

    url: str
    ca_file: Path
    cert_file: Path


@contextmanager
def secure_prometheus(directory: Path) -> Iterator[SecurePrometheus]:
    """Its certificate is for NAME, not for the address that it listens on."""
    ca = trustme.CA()
    server = ca.issue_cert(NAME)
    server.private_key_pem.write_to_path(directory / "server.key")
    server.cert_chain_pems[0].write_to_path(directory / "server.pem")
    client = ca.issue_cert("forewarn.test")
    client.private_key_and_cert_chain_pem.write_to_path(directory / "client.pem")
    ca.cert_pem.write_to_path(directory / "ca.pem")
    web = {
        "tls_server_config": {
            "cert_file": str(directory / "server.pem"),
            "key_file": str(directory / "server.key"),
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(directory / "ca.pem"),
        },
        "basic_auth_users": {
            USERNAME: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        },
    }
    (directory / "web.yml").write_text(yaml.safe_dump(web))
    config = directory / "prometheus.yml"
    config.write_text("{}")
    port, log = free_port(), directory / "prometheus.log"
    command = (
        find_program(PROMETHEUS) or "prometheus",
        f"--config.file={config}",
        f"--web.config.file={directory / 'web.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    )
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: "Server is ready" in log.read_text(), seconds=20)
        files = (directory / name for name in ("ca.pem", "client.pem"))
        yield SecurePrometheus(f"https://127.0.0.1:{port}", *files)
    finally:
        process.kill()
        process.wait()
