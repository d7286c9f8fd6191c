"""Change events of servers between the processes of one deployment."""
