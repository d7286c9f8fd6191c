from tests.gateway.upstream.conftest import serving
from tests.gateway.upstream.http.conftest import sdk_url

__all__ = ["sdk_url", "serving"]
