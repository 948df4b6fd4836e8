"""Who calls, and what that caller may do."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import get_args

from forewarn_adapters.config.addresses import is_loopback
from forewarn_adapters.config.api import Api, Role, Token
from forewarn_models.errors import ConfigError
from forewarn_service.api.faults import Refusal

# From the weakest to the strongest; each may do what those before it may.
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name for the audit, the role, and the team that it is limited to."""

    name: str
    role: Role
    team: str | None = None

    def may(self, role: Role) -> bool:
        """Return whether the caller's role is at least `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, team: str | None) -> bool:
        """Return whether a signal of `team` exists for this caller."""
        return self.team is None or self.team == team


# Without tokens the API listens on loopback only, and who can reach that owns the machine's user.
LOCAL = Caller("local", "admin")


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens as digests: none of them can be read back, none is compared as text."""

    digests: tuple[tuple[bytes, Caller], ...]

    def __bool__(self) -> bool:
        return bool(self.digests)

    def caller(self, authorization: str | None) -> Caller:
        """Return who presents `authorization`, the header; Refusal with 401 when nobody does.

        All digests are compared, each in constant time, whatever is found.
        """
        if not self.digests:
            return LOCAL
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise _unknown("a bearer token is needed", challenge='Bearer realm="forewarn"')
        digest = _digest(given.strip())
        found = [caller for known, caller in self.digests if hmac.compare_digest(known, digest)]
        if not found:
            raise _unknown(
                "the bearer token is not one of api.tokens",
                challenge='Bearer realm="forewarn", error="invalid_token"',
            )
        return found[0]


def tokens_of(api: Api) -> Tokens:
    """Return the tokens of a configuration.

    Raises ConfigError when it listens beyond loopback and has none, or a token stands there twice.
    """
    if not api.tokens and not is_loopback(api.host):
        raise ConfigError(
            f"api.tokens must hold at least one token because api.listen is {api.listen!r}, "
            "which is reachable from other machines: add a token or listen on 127.0.0.1"
        )
    digests = tuple(
        (_digest(token.token.get_secret_value()), _caller(token)) for token in api.tokens
    )
    if len({digest for digest, _ in digests}) != len(digests):
        raise ConfigError("api.tokens must differ from each other, got the same token twice")
    return Tokens(digests)


def require(caller: Caller, role: Role, *, any_team: bool = False) -> None:
    """Raise Refusal with 403 when the caller may not; `any_team` = only without a team limit."""
    if not caller.may(role):
        raise Refusal(
            403,
            "access_denied",
            f"this needs the role {role!r}, the token {caller.name!r} has {caller.role!r}",
        )
    if any_team and caller.team is not None:
        raise Refusal(
            403,
            "access_denied",
            f"this shows all teams, the token {caller.name!r} is limited to {caller.team!r}",
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _caller(token: Token) -> Caller:
    return Caller(token.name, token.role, token.team)


def _unknown(detail: str, *, challenge: str) -> Refusal:
    return Refusal(401, "unauthenticated", detail, headers={"www-authenticate": challenge})
