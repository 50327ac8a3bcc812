"""A whole server, as its disk has it: base backups and the continuous log, over the replication protocol."""
