"""Certificates for a server and its clients, signed by one authority, and a stranger's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

SERVER_NAME = "models.example"
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


def make(folder: Path) -> Path:
    """Writes ca.pem, and keys and certificates.

    The authority signed those of "server" and "client", not that of "stranger".
    """
    for authority in ("ca", "stranger"):
        _openssl(
            folder,
            f"req -x509 {_KEY} -days 2 -subj /CN={authority} -keyout {authority}.key -out "
            f"{authority}.pem",
        )
    (folder / "names").write_text(f"subjectAltName=DNS:{SERVER_NAME},DNS:localhost")
    for name in ("server", "client"):
        _openssl(folder, f"req {_KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names"
        _openssl(folder, f"x509 -req -days 2 -in {name}.csr {signed} -out {name}.pem")
    return folder


def write_ssl_config(path: Path, folder: Path, verify_clients: bool, **changes: Any) -> Path:
    """The server's SSLConfig file; changed fields replace PEM texts."""
    fields = {"server_key": "server.key", "server_cert": "server.pem", "custom_ca": "ca.pem"}
    texts = {field: (folder / name).read_text() for field, name in fields.items()}
    content = texts | {"client_verify": verify_clients} | changes
    path.write_text("\n".join(f"{name}: {json.dumps(value)}" for name, value in content.items()))
    return path


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
