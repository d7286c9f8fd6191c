"""Entry point of `python -m gateway.upstream`."""

import os
import sys

from gateway.upstream.cli import main

main(sys.argv[1:], os.environ)
