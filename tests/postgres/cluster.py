"""The files of a new server: its programs where its user can reach them, its data folder, its certificate."""

import shutil
import subprocess
from pathlib import Path

from postgres.programs import as_server_user, give_to_server, is_reachable, program_environment
from servers.certificates import Certificates


def reachable_programs(programs: Path, home: Path) -> Path:
    """A checkout in /root is closed to the server's user: then it gets a copy."""
    if is_reachable(programs / "postgres"):
        return programs
    return shutil.copytree(programs.parent, home / "postgres", symlinks=True) / "bin"


def make_cluster(programs: Path, data: Path, secret: Path, password: str) -> None:
    secret.touch(0o600)
    give_to_server(secret)
    secret.write_text(password)
    command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
    command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
    done = subprocess.run(as_server_user(command), capture_output=True, env=program_environment(programs), timeout=60)
    assert done.returncode == 0, done.stderr.decode()


def install_certificate(tls: Certificates, data: Path) -> dict[str, str]:
    for name, source in (("server.crt", tls.certificate), ("server.key", tls.key)):
        (data / name).write_bytes(source.read_bytes())
        (data / name).chmod(0o600)
        give_to_server(data / name)
    return {"ssl": "on"}
