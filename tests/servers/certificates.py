"""A certificate authority for one test run, and a certificate of it for 127.0.0.1."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers.children import require


@dataclass(frozen=True)
class Certificates:
    ca: Path
    certificate: Path
    key: Path


def make_ca_and_server(folder: Path) -> Certificates:
    openssl = require("openssl", "openssl")
    ca, ca_key, certificate, key = (folder / name for name in ("ca.pem", "ca.key", "server.pem", "server.key"))
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
    signing = ["-subj", "/CN=drkit test CA", "-addext", "basicConstraints=critical,CA:TRUE"]
    signing += ["-addext", "keyUsage=critical,keyCertSign"]
    serving = ["-subj", "/CN=127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    serving += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-CA", str(ca), "-CAkey", str(ca_key)]
    for words, secret, public in ((signing, ca_key, ca), (serving, key, certificate)):
        command = [*new, *words, "-keyout", str(secret), "-out", str(public)]
        done = subprocess.run(command, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()
    return Certificates(ca, certificate, key)
