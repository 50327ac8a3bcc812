"""Run as a program: whether the daemon of this machine is alive, by the exit code. For checks of containers.

It asks where the daemon listens by DRKIT_LISTEN, as the daemon does.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException


def is_alive(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    here = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  where it listens, not we
    connection = HTTPConnection(here, int(port), timeout=4)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ.get("DRKIT_LISTEN") or "127.0.0.1:8321"))
