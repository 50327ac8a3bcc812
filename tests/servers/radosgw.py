"""Ceph's S3 server, as small as it gets: one monitor, one disk that is a file, one gateway, with http and https."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

import boto3

from patience import PATIENCE, await_true
from servers.certificates import make_ca_and_server
from servers.children import answers, free_port, listens, require, running, wait_until
from servers.s3_server import S3Server

_PACKAGES = "radosgw ceph-mon ceph-osd ceph-common ceph-base"
_STARTS = 5
_CONFIG = """\
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = v1:127.0.0.1:{mon}
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
run_dir = {folder}/run
admin_socket = {folder}/run/$name.$pid.asok
log_file = {folder}/log/$name.log
pid_file = {folder}/run/$name.pid
keyring = {folder}/keyring
crash_dir = {folder}/crash
mon_data = {folder}/mon
osd_data = {folder}/osd
osd_objectstore = bluestore
bluestore_block_size = 8589934592
bluestore_block_create = true
bluestore_block_db_create = false
bluestore_block_wal_create = false
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{http} ssl_endpoint=127.0.0.1:{https} {certificate}
rgw_dynamic_resharding = false
rgw_enable_usage_log = false
rgw_run_sync_thread = false
"""


@dataclass(frozen=True)
class Gateway:
    """What answers over HTTP. It may be killed, as what is stored lies elsewhere. From the thread that outlives it."""

    port: int
    config: Path
    _life: ExitStack = field(default_factory=ExitStack, repr=False)

    def start(self) -> None:
        log = self.config.parent / "log/rgw.out"
        command = ["radosgw", "-n", "client.rgw", "-c", str(self.config), "-f"]
        child = self._life.enter_context(running(command, log, _environment(self.config)))
        self._life.callback(child.kill)  # the first to be called
        wait_until(lambda: answers(f"http://127.0.0.1:{self.port}/"), child, log)

    def crash(self) -> None:
        self._life.close()


@dataclass(frozen=True)
class Radosgw:
    """`config` is the server's own file, where it is one of ours: then it can be given users."""

    http: S3Server
    https: S3Server
    config: Path | None = None
    gateway: Gateway | None = None

    def new_user(self, policy: dict[str, object]) -> S3Server:
        """Somebody new, who may do what the policy says and nothing else."""
        assert self.config, "only a server of ours can be given users"
        name, secret = f"u{uuid.uuid4().hex[:10]}", uuid.uuid4().hex
        _run(self.config, "radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}",
             f"--access-key={name}", f"--secret-key={secret}")  # fmt: skip
        iam = boto3.client(
            "iam",
            endpoint_url=self.http.endpoint,
            region_name=self.http.region,
            aws_access_key_id=self.http.access_key,
            aws_secret_access_key=self.http.secret_key,
        )
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        iam.close()
        return S3Server(self.http.endpoint, name, secret)


@contextmanager
def radosgw_server(folder: Path) -> Iterator[Radosgw]:
    for program in ("ceph", "ceph-authtool", "monmaptool", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"):
        require(program, _PACKAGES)
    for name in ("mon", "osd", "run", "log", "rgw", "crash"):
        (folder / name).mkdir()
    mon, http, https = free_port(), free_port(), free_port()
    certificates = make_ca_and_server(folder)
    fsid, disk = str(uuid.uuid4()), str(uuid.uuid4())
    config = folder / "ceph.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder, fsid=fsid, mon=mon, http=http, https=https,
            certificate=f"ssl_certificate={certificates.certificate} ssl_private_key={certificates.key}",
        )
    )  # fmt: skip
    keyring, monmap = folder / "keyring", folder / "monmap"

    def run(*command: str | Path) -> None:
        _run(config, *command)

    run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    caps = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
    run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *caps)
    run("monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{mon}]", "--fsid", fsid, monmap)
    run("ceph-mon", "-c", config, "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
    with ExitStack() as stack:

        def start(name: str, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
            log = folder / "log" / f"{name}.out"
            return stack.enter_context(running([*command, "-c", str(config), "-f"], log, _environment(config))), log

        monitor, log = start("mon", "ceph-mon", "-i", "a")
        wait_until(lambda: listens(mon), monitor, log)
        _tell_monitor(config, "osd", "new", disk)
        run("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", disk)
        _tell_monitor(config, "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        for _ in range(_STARTS):
            disk_server, log = start("osd", "ceph-osd", "-i", "0")
            if _is_active(disk_server, folder / "log/osd.0.log"):
                break
        else:
            raise AssertionError(f"ceph-osd does not start: {log.read_text()}")
        user = ("--uid=t", "--display-name=t", "--access-key=testkey", "--secret-key=testsecret")
        run("radosgw-admin", "-c", config, "user", "create", *user)
        run("radosgw-admin", "-c", config, "caps", "add", "--uid=t", "--caps=user-policy=*")
        gateway = Gateway(http, config)
        stack.callback(gateway.crash)
        gateway.start()
        yield Radosgw(
            S3Server(f"http://127.0.0.1:{http}", "testkey", "testsecret"),
            S3Server(f"https://127.0.0.1:{https}", "testkey", "testsecret", ca=str(certificates.ca)),
            config,
            gateway,
        )


def _is_active(disk_server: subprocess.Popen[bytes], log: Path) -> bool:
    """Like `_tell_monitor` it speaks too early now and then, is told "wrong fsid", and ends."""
    while disk_server.poll() is None:
        if log.exists() and "booting -> active" in log.read_text(errors="replace"):
            return True
        sleep(0.1)
    return False


def _tell_monitor(config: Path, *command: str) -> None:
    """Now and then it speaks before it has heard the monitor out, and is refused. To say all again does no harm."""
    words = ["ceph", "-c", str(config), *command]

    def told() -> bool:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, env=_environment(config))
        assert done.returncode == 0 or b"command descriptions" in done.stderr, done
        return done.returncode == 0

    await_true(told)


def _run(config: Path, *command: str | Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE, env=_environment(config))
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr.decode()[-2000:]}"


def _environment(config: Path) -> dict[str, str]:
    return {**os.environ, "CEPH_CONF": str(config)}
