"""A proxy that gives TensorFlow's gs:// an emulator.

TensorFlow asks https://www.googleapis.com and https://storage.googleapis.com, whatever is set. But
its HTTP client goes by a proxy and trusts the authorities of CURL_CA_BUNDLE, so this proxy can
answer in their place: it hands every request to the emulator. It is a process of its own, since
TensorFlow holds Python's lock while it writes records.

    python -m tests.engines.google_front PORT EMULATOR_PORT CERTIFICATE
"""

from __future__ import annotations

import contextlib
import datetime
import http.client
import io
import ssl
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOSTS = ("www.googleapis.com", "storage.googleapis.com")
_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
# An empty file, by which TensorFlow makes a folder: the emulator takes one in parts alone.
_EMPTY = (
    b"--part\r\nContent-Type: application/json\r\n\r\n{}\r\n"
    b"--part\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--part--\r\n"
)


def main(port: int, emulator_port: int, certificate: Path) -> None:
    """Serves for ever.

    Args:
        port: The proxy's.
        emulator_port: The emulator's, on this machine.
        certificate: The file that clients trust, which this writes.
    """
    _write_certificate(certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(emulator_port, tls))
    server.daemon_threads = True
    server.serve_forever()


def variables(port: int, certificate: Path) -> dict[str, str]:
    """The environment of a process whose TensorFlow asks this proxy."""
    proxy = f"http://127.0.0.1:{port}"
    here = "localhost,127.0.0.1"
    return {
        "https_proxy": proxy,
        "HTTPS_PROXY": proxy,
        "no_proxy": here,
        "NO_PROXY": here,
        "CURL_CA_BUNDLE": str(certificate),
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
        "NO_GCE_CHECK": "true",  # or TensorFlow looks for a machine of Google, for minutes
        "GCS_RETRY_CONFIG_MAX_RETRIES": "2",
    }


def _handler(emulator_port: int, tls: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    place = f"localhost:{emulator_port}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.path.partition(":")[0] not in _HOSTS:
                self.close_connection = True
                return
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb")
            self.close_connection = False

        def _body(self) -> bytes:
            # TensorFlow's uploads have both headers: then the length doesn't count.
            if self.headers.get("Transfer-Encoding") == "chunked":
                return b"".join(_chunks(self.rfile))
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _hand_on(self) -> None:
            path = self.path
            body = self._body()
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _OF_ONE_HOP
            }
            headers["Host"] = place  # what the emulator puts into the links of a file
            if "uploadType=media" in path and not body:
                path = path.replace("uploadType=media", "uploadType=multipart")
                headers["Content-Type"] = "multipart/related; boundary=part"
                body = _EMPTY
            emulator = http.client.HTTPConnection(place)
            with contextlib.closing(emulator):
                emulator.request(self.command, path, body, headers)
                answer = emulator.getresponse()
                content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() == "location":  # an upload's
                    value = value.replace(f"http://{place}", f"https://{_HOSTS[0]}", 1)
                if name.lower() not in _OF_ONE_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _hand_on  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _chunks(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """The parts of a chunked body."""
    while size := int(stream.readline().partition(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline().strip():  # trailers
        pass


def _write_certificate(file: Path) -> None:
    """Of an authority of its own, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulator")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in _HOSTS]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
