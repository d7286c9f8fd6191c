"""How the process runs: its socket, its workers, what it prints, how it ends."""
