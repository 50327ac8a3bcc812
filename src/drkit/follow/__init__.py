"""A server's log goes to the store as it is written, and the server forgets only what is stored."""
