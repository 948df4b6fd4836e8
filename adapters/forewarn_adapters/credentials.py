"""What an endpoint's settings mean for HTTP: its address, its credentials, its certificates.

No message shows a secret.
"""

import base64
import ssl
from urllib.parse import urlsplit

from forewarn_adapters.config.endpoints import Endpoint, Tls
from forewarn_models.errors import ConfigError


def public_url(url: str) -> str:
    """Return a server's URL, which may be shown to anybody.

    Raises ConfigError when it is not a URL of HTTP or holds a user name, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as broken:
        raise ConfigError("a url must name a host and a port that can be") from broken
    if not is_usable or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ConfigError("a url must be http:// or https:// with a host, and no query or fragment")
    if "@" in parts.netloc:
        raise ConfigError(
            "a url must not hold a user name or password: write them under `basic_auth`"
        )
    return url.rstrip("/")


def authorization(endpoint: Endpoint) -> dict[str, str]:
    """Return the header that carries the endpoint's credentials, if it has any."""
    if endpoint.basic_auth is not None and endpoint.bearer_token is not None:
        raise ConfigError("a server must have `basic_auth` or `bearer_token`, not both")
    if endpoint.basic_auth is not None:
        auth = endpoint.basic_auth
        pair = f"{auth.username}:{auth.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if endpoint.bearer_token is not None:
        token = endpoint.bearer_token.get_secret_value().strip()
        # The HTTP library would show a token that it refuses.
        if not (token and token.isascii() and token.isprintable()):
            raise ConfigError("a bearer_token must be printable ASCII characters, at least one")
        return {"Authorization": f"Bearer {token}"}
    return {}


def tls_context(tls: Tls | None) -> ssl.SSLContext:
    """Return a context that verifies the server's certificate and name."""
    tls = tls or Tls()
    if tls.key_file and not tls.cert_file:
        raise ConfigError("tls: a key_file needs its cert_file")
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ValueError) as broken:
        raise ConfigError(f"tls: ca_file must hold certificates, got {broken}") from broken
    if tls.cert_file:
        try:
            # An empty password: a key that needs one is refused, never asked for on a terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (OSError, ValueError) as broken:
            raise ConfigError(
                f"tls: cert_file and key_file must hold a certificate and its key, got {broken}"
            ) from broken
    return context
