"""How a throw-away server is set: quick to load, since nothing in it must outlive a crash, and with every way out shut.

It decides and asks; it starts nothing.
"""

from drkit.engines.postgres.origin import read_settings
from drkit.engines.postgres.server import Server

_MIB = 1 << 20
_QUICK = {
    "autovacuum": "off",
    "bgwriter_lru_maxpages": "0",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "synchronous_commit": "off",
    "wal_init_zero": "off",
    "wal_level": "minimal",
    "wal_recycle": "off",
}
_ROOMY = {
    "max_connections": "100",
    # one transaction may touch every table there is
    "max_locks_per_transaction": "256",
}
# Given as arguments, they beat whatever ALTER SYSTEM writes.
_SHUT = {
    "archive_cleanup_command": "",
    "archive_command": "",
    "archive_mode": "off",
    "listen_addresses": "",
    "local_preload_libraries": "",
    "logging_collector": "off",
    "primary_conninfo": "",
    "recovery_end_command": "",
    "restore_command": "",
    "session_preload_libraries": "",
    "shared_preload_libraries": "",
    "ssl": "off",
    "ssl_passphrase_command": "",
}
_OWN = {
    # in a container /dev/shm holds 64 MiB as a rule, which parallel index builds exceed
    "dynamic_shared_memory_type": "mmap",
    "huge_pages": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
# What bears on how long a restore takes, and on what its checks can see.
COMPARED = (
    *_QUICK,
    *_ROOMY,
    "archive_mode",
    "data_checksums",
    "default_statistics_target",
    "effective_cache_size",
    "effective_io_concurrency",
    "jit",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "max_worker_processes",
    "random_page_cost",
    "server_version",
    "shared_buffers",
    "shared_preload_libraries",
    "temp_buffers",
    "work_mem",
)


def loading_settings(major: int, memory: int) -> dict[str, str]:
    """`memory` is what this machine, or this container, may use. A drill is a guest there, so it takes a part."""
    sizes = {
        "shared_buffers": f"{_within(memory // 8, 64, 1024)}MB",
        "maintenance_work_mem": f"{_within(memory // 32, 64, 1024)}MB",
    }
    newer = {"archive_library": ""} if major >= 15 else {}
    return _QUICK | _ROOMY | _SHUT | _OWN | newer | sizes


def ask_settings(server: Server) -> dict[str, str]:
    with server.session() as connection:
        return read_settings(connection, COMPARED)


def _within(size: int, least: int, most: int) -> int:
    return min(max(size // _MIB, least), most)
