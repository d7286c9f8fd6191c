"""A server elsewhere: a child process or another host, reached over links that come and go beneath one front."""
