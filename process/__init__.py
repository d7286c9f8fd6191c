"""How the process runs: its sockets, its workers, its output, its shutdown."""
