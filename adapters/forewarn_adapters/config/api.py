"""The section `api` of `forewarn.yaml`: where the service listens, and who may ask it what."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from forewarn_adapters.config.addresses import host_of, port_of
from forewarn_adapters.config.endpoints import Section, Tls
from forewarn_adapters.config.values import (
    ListenAddress,
    Team,
)

Role = Literal["read", "score", "operate", "admin"]


class Token(Section):
    """A bearer token of the API, its role, and the team it is limited to."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="Who uses the token; the audit shows this name.",
            examples=["grafana"],
        ),
    ]
    token: Annotated[
        SecretStr,
        Field(
            min_length=16,
            description="The token itself, at least 16 characters.",
            examples=["${GRAFANA_TOKEN}"],
        ),
    ]
    role: Annotated[
        Role,
        Field(
            description="What the token may do; each role may do what those before it may: "
            "`read` sees signals and verdicts, `score` also sends values to be scored, `operate` "
            "also changes what runs, `admin` also reads the audit.",
            examples=["operate"],
        ),
    ] = "read"
    team: Annotated[
        Team | None,
        Field(
            description="Limits the token to the signals of one team. Without it: all signals.",
            examples=["checkout"],
        ),
    ] = None


class Api(Section):
    """The HTTP API and `/metrics`."""

    listen: Annotated[
        ListenAddress,
        Field(
            description="The address and port that the service listens on. Anything but loopback "
            "needs `tokens`. Port 0 picks a free one.",
            examples=["0.0.0.0:9464", "[::1]:9464"],
        ),
    ] = "127.0.0.1:9464"
    tokens: Annotated[
        tuple[Token, ...],
        Field(max_length=1_000, description="Who may use the API. On loopback it may be empty."),
    ] = ()
    tls: Annotated[
        Tls | None,
        Field(
            description="Serve https with `cert_file` and `key_file`; with `ca_file` clients must "
            "show a certificate that it has signed."
        ),
    ] = None

    @property
    def host(self) -> str:
        """The address of `listen` without brackets; empty means every interface."""
        return host_of(self.listen)

    @property
    def port(self) -> int:
        return port_of(self.listen)
