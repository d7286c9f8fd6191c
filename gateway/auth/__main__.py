"""Entry point of `python -m gateway.auth`."""

import os
import sys

from gateway.auth.cli import main

main(sys.argv[1:], os.environ)
