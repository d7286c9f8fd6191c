"""`python -m benchmarks.front PORT`: serves the constant of controls.raw() with our HTTP protocol.

`python -m benchmarks` compares it with uvicorn's protocol under the same application.
"""

import sys

import uvicorn

from benchmarks.controls import raw
from process.http.front import http_options
from settings.values import Settings

if __name__ == "__main__":
    options = http_options(Settings())
    uvicorn.run(raw(), port=int(sys.argv[1]), log_level="warning", access_log=False, **options)
