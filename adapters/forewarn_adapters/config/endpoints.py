"""A section of `forewarn.yaml`, and those that say how a server is reached over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from forewarn_adapters.config.values import Duration, HttpUrl, LocalPath, redacted


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        for name, value in super().__repr_args__():
            yield name, redacted(value) if isinstance(value, str) else value


def section_in(annotation: object) -> type[Section] | None:
    """Return the section that an annotation such as `tuple[Signal, ...]` or `Tls | None` names."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (section_in(part) for part in get_args(annotation))
    return next((section for section in found if section), None)


class BasicAuth(Section):
    """A user name and its password."""

    username: Annotated[
        str, Field(min_length=1, description="The user name.", examples=["forewarn"])
    ]
    password: Annotated[
        SecretStr,
        Field(
            description="The password. Keep it out of the file: name an environment variable.",
            examples=["${PROMETHEUS_PASSWORD}"],
        ),
    ]


class Tls(Section):
    """Certificates for a connection over TLS, each a file in PEM form."""

    ca_file: Annotated[
        LocalPath | None,
        Field(
            description="The authority that must have signed the other side's certificate. "
            "Without it: those that the system trusts.",
            examples=["tls/ca.pem"],
        ),
    ] = None
    cert_file: Annotated[
        LocalPath | None,
        Field(
            description="Our own certificate, shown to the other side; needs `key_file`.",
            examples=["tls/forewarn.pem"],
        ),
    ] = None
    key_file: Annotated[
        LocalPath | None,
        Field(description="The private key of `cert_file`.", examples=["tls/forewarn.key"]),
    ] = None
    server_name: Annotated[
        str | None,
        Field(
            description="The name that the server's certificate must carry, where it is not the "
            "host of the url.",
            examples=["prometheus.internal"],
        ),
    ] = None


class Endpoint(Section):
    """A server that is reached over HTTP."""

    url: Annotated[
        HttpUrl,
        Field(
            description="Where the server is. It may have a path, never a user or a password.",
            examples=["http://prometheus:9090"],
        ),
    ]
    basic_auth: Annotated[
        BasicAuth | None,
        Field(description="A user name and password to send. Not together with `bearer_token`."),
    ] = None
    bearer_token: Annotated[
        SecretStr | None,
        Field(description="A token to send.", examples=["${PROMETHEUS_TOKEN}"]),
    ] = None
    tls: Annotated[
        Tls | None, Field(description="Certificates, where the url begins with https://.")
    ] = None
    timeout: Annotated[
        Duration,
        Field(description="How long one request may take before it is given up.", examples=["10s"]),
    ] = timedelta(seconds=30)
