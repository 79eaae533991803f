"""What the end-to-end tests stand on: a real server process, its users, their sockets and a ledger of what was promised."""
