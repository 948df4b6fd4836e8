"""Addresses, credentials and certificates of servers."""

import pytest

from forewarn_adapters.config.endpoints import BasicAuth, Endpoint, Tls
from forewarn_adapters.credentials import authorization, public_url, tls_context
from forewarn_models.errors import ConfigError


def test_credentials_are_sent():
    basic = Endpoint(url="http://a", basic_auth=BasicAuth(username="ü", password="p:ß"))
    assert authorization(basic) == {"Authorization": "Basic w7w6cDrDnw=="}
    bearer = Endpoint(url="http://a", bearer_token=" token\n")
    assert authorization(bearer) == {"Authorization": "Bearer token"}
    assert authorization(Endpoint(url="http://a")) == {}


@pytest.mark.parametrize("token", ["", "two\nlines", "ümlaut"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token):
    with pytest.raises(ConfigError) as refusal:
        authorization(Endpoint(url="http://a", bearer_token=token))
    assert str(refusal.value) == ("a bearer_token must be printable ASCII characters, at least one")


def test_two_kinds_of_credentials_are_refused():
    both = Endpoint(
        url="http://a", bearer_token="t", basic_auth=BasicAuth(username="u", password="p")
    )
    with pytest.raises(ConfigError, match="not both"):
        authorization(both)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a:9090",
        "ftp://a",
        "http://",
        "http://a?b=c",
        "http://a#b",
        "http://a b",
        "http://[",
        "http://a:99999",
        "http://a:0",
        "http://a\nb",
    ],
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ConfigError, match="a url must"):
        public_url(url)


def test_a_password_in_a_url_is_refused_and_not_shown():
    with pytest.raises(ConfigError) as refusal:
        public_url("http://user:hunter2@host/")
    assert "hunter2" not in str(refusal.value)


def test_certificates_that_are_none_are_refused(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(ConfigError, match="ca_file must hold certificates"):
        tls_context(Tls(ca_file=tmp_path / "missing.pem"))
    with pytest.raises(ConfigError, match="cert_file and key_file must hold"):
        tls_context(Tls(cert_file=empty, key_file=empty))
    with pytest.raises(ConfigError, match="needs its cert_file"):
        tls_context(Tls(key_file=empty))
