"""The authorities whose certificates are trusted when the product calls an address by https."""

import ssl
from functools import cache

import httpx2


@cache
def authorities() -> ssl.SSLContext:
    """Return the context of TLS for every HTTP client of this process.

    Reading the certificates of all authorities takes 50 ms of CPU time. A client that is given no context reads them again.
    """
    return httpx2.create_ssl_context()
