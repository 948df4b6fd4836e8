"""The part of `forewarn.yaml` that says where lines of logs come from."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from forewarn_adapters.config.endpoints import Endpoint, Section, Tls
from forewarn_adapters.config.values import (
    AccountAndProject,
    Duration,
    IndexPattern,
    ListenAddress,
    LocalPath,
    Network,
    NotEmpty,
    Query,
    SourceName,
    WholeNumber,
)

_Delay = Annotated[
    Duration,
    Field(
        description="Lines younger than this are left for the next poll, because others may "
        "still come before them.",
        examples=["10s"],
    ),
]


class Loki(Endpoint):
    """A Loki that is asked for new lines."""

    query: Annotated[
        Query,
        Field(
            description="LogQL that selects streams, with filters if need be.",
            examples=['{namespace="prod"}'],
        ),
    ]
    tenant: Annotated[
        str | None,
        Field(
            description="The tenant, sent as X-Scope-OrgID.",
            examples=["team-a"],
            min_length=1,
            max_length=200,
        ),
    ] = None
    delay: _Delay = timedelta(seconds=2)
    page_lines: Annotated[
        WholeNumber,
        Field(
            ge=10,
            le=100_000,
            description="How many lines one answer may have; Loki itself allows 5,000 by default.",
            examples=[1_000],
        ),
    ] = 5_000
    tail: Annotated[
        bool,
        Field(
            description="Keep a connection open on which Loki sends lines at once, and poll only "
            "for what was missed.",
            examples=["true"],
        ),
    ] = False


class VictoriaLogs(Endpoint):
    """A VictoriaLogs that is asked for new lines."""

    query: Annotated[
        Query,
        Field(
            description="LogsQL. Filter by fields, not by `{...}`: an answer for streams that are "
            "not yet known is remembered for minutes.",
            examples=['namespace:="prod"'],
        ),
    ]
    tenant: Annotated[
        AccountAndProject | None,
        Field(
            description="Account and project, sent as AccountID and ProjectID.",
            examples=["12:0"],
        ),
    ] = None
    delay: _Delay = timedelta(seconds=2)
    page_lines: Annotated[
        WholeNumber,
        Field(
            ge=10, le=100_000, description="How many lines one answer may have.", examples=[1_000]
        ),
    ] = 10_000


class Elasticsearch(Endpoint):
    """An Elasticsearch or OpenSearch that is asked for new documents."""

    index: Annotated[
        IndexPattern,
        Field(
            description="The index, alias or data stream; `*` and commas may select several.",
            examples=["logs-*"],
        ),
    ]
    query: Annotated[
        Query | None,
        Field(
            description="A Lucene query that documents must match. Without it: all.",
            examples=["kubernetes.namespace:prod"],
        ),
    ] = None
    api_key: Annotated[
        SecretStr | None,
        Field(
            description="An API key in its encoded form. Not together with `basic_auth` or "
            "`bearer_token`.",
            examples=["${ELASTICSEARCH_API_KEY}"],
        ),
    ] = None
    timestamp_field: Annotated[
        str,
        Field(
            min_length=1, max_length=200, description="The field of the time.", examples=["time"]
        ),
    ] = "@timestamp"
    message_field: Annotated[
        str,
        Field(min_length=1, max_length=200, description="The field of the line.", examples=["log"]),
    ] = "message"
    delay: Annotated[
        Duration,
        Field(
            description="Documents younger than this are left for the next poll, because they are "
            "found only after a refresh.",
            examples=["30s"],
        ),
    ] = timedelta(seconds=5)
    page_lines: Annotated[
        WholeNumber,
        Field(
            ge=10,
            le=10_000,
            description="How many documents one answer may have.",
            examples=[1_000],
        ),
    ] = 5_000


class Otlp(Section):
    """An OpenTelemetry receiver of our own: OTLP over HTTP, protobuf or JSON, at `/v1/logs`."""

    listen: Annotated[
        ListenAddress,
        Field(
            description="The address and port. Anything but loopback needs `bearer_token`.",
            examples=["0.0.0.0:4318"],
        ),
    ] = "127.0.0.1:4318"
    bearer_token: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="What senders must show in their Authorization header.",
            examples=["${OTLP_TOKEN}"],
        ),
    ] = None
    tls: Annotated[
        Tls | None,
        Field(
            description="Serve https with `cert_file` and `key_file`; with `ca_file` senders must "
            "show a certificate that it has signed."
        ),
    ] = None


class Syslog(Section):
    """A syslog receiver of our own: RFC 5424 and RFC 3164."""

    listen: Annotated[
        ListenAddress,
        Field(
            description="The address and port. Anything but loopback needs `allow`, or `tls` with "
            "`ca_file`.",
            examples=["0.0.0.0:6514"],
        ),
    ] = "127.0.0.1:5514"
    transport: Annotated[
        Literal["tcp", "udp"],
        Field(
            description="TCP takes frames with a length (RFC 6587) and lines; UDP loses what the "
            "network loses.",
            examples=["udp"],
        ),
    ] = "tcp"
    tls: Annotated[
        Tls | None,
        Field(
            description="TLS over TCP (RFC 5425) with `cert_file` and `key_file`; with `ca_file` "
            "senders must show a certificate that it has signed."
        ),
    ] = None
    allow: Annotated[
        tuple[Network, ...],
        Field(
            max_length=1_000,
            description="Networks that may send. Without it: all that reach the address.",
            examples=["[10.0.0.0/8]"],
        ),
    ] = ()


LogFormat = Literal[
    "auto", "line", "json", "logfmt", "cri", "docker", "syslog", "combined", "python", "java"
]


class LogSourceConfig(Section):
    """One place that lines come from: exactly one of `files` and the five kinds of servers."""

    name: Annotated[
        SourceName,
        Field(
            description="The label `source` of its series, unique in the file.",
            examples=["cluster"],
        ),
    ]
    files: Annotated[
        tuple[LocalPath, ...],
        Field(
            max_length=1_000,
            description="Files that are followed through rotation and truncation; `*` and `**` "
            "select several, also those that come later.",
            examples=["[/var/log/containers/*.log]"],
        ),
    ] = ()
    loki: Annotated[Loki | None, Field(description="A Loki to ask.")] = None
    victorialogs: Annotated[VictoriaLogs | None, Field(description="A VictoriaLogs to ask.")] = None
    elasticsearch: Annotated[
        Elasticsearch | None, Field(description="An Elasticsearch or OpenSearch to ask.")
    ] = None
    otlp: Annotated[Otlp | None, Field(description="Receive OpenTelemetry logs.")] = None
    syslog: Annotated[Syslog | None, Field(description="Receive syslog.")] = None
    poll: Annotated[
        Duration,
        Field(
            description="How long to wait before asking again where nothing new was there.",
            examples=["5s"],
        ),
    ] = timedelta(seconds=1)
    format: Annotated[
        LogFormat,
        Field(
            description="What lines look like. `auto` tells it from the lines themselves; `line` "
            "takes them as they are.",
            examples=["json"],
        ),
    ] = "auto"
    service: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="The service of all its lines. Without it: what the source or the line "
            "says.",
            examples=["checkout"],
        ),
    ] = None
    service_labels: Annotated[
        tuple[str, ...],
        NotEmpty,
        Field(
            max_length=20,
            description="Labels or fields that name the service, the first that is there.",
            examples=["[app, container]"],
        ),
    ] = (
        "service_name",
        "service.name",
        "service",
        "app",
        "application",
        "container",
        "k8s.container.name",
        "job",
    )
    buffer_bytes: Annotated[
        WholeNumber,
        Field(
            ge=1 << 20,
            le=1 << 40,
            description="How much of what was received may wait on disk; beyond it senders are "
            "told to wait. For `otlp` and `syslog`.",
            examples=[10_000_000_000],
        ),
    ] = 1 << 30

    @property
    def kind(self) -> str:
        """Which of the six it is, such as `loki`."""
        kinds = ("loki", "victorialogs", "elasticsearch", "otlp", "syslog")
        return next((kind for kind in kinds if getattr(self, kind) is not None), "files")
