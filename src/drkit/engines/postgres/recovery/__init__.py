"""Back from base backups and log to a server: files, log, settings, and the server that replays it."""
