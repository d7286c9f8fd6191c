"""The log of what is nearly right about the servers' files. Each worker loads them again, and need not repeat it."""

from __future__ import annotations

import logging

hints = logging.getLogger(__name__)
