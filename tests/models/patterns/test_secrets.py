"""forewarn_models.patterns.secrets"""

import time

import pytest

from forewarn_models.patterns.secrets import without_secrets


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("login user=bob password=hunter2 ok", "login user=bob password=*** ok"),
        ('{"passwd": "a b", "n": 1}', '{"passwd": ***, "n": 1}'),
        ("db_pwd='x y' and api-key: k1", "db_pwd=*** and api-key: ***"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("sent header bearer abcdefgh12345678", "sent header bearer ***"),
        ("client_secret is s3cr3t", "client_secret is ***"),
        ("https://joe:pw@host/x?token=abc&a=1", "https://joe:***@host/x?token=***&a=1"),
        ("got eyJhbGciOi.eyJzdWIiOi.sig_x-1 back", "got *** back"),
        ("uses AKIAIOSFODNN7EXAMPLE here", "uses *** here"),
        ("with ghp_16C7e42F292c6912E7 pushed", "with *** pushed"),
        ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY1", "***"),
        ("block blk_-1608999687919862906 stays", "block blk_-1608999687919862906 stays"),
        ("id 6e0a3f0e-1c3f-4d7e-9a53-1f1e0d0c0b0a", "id 6e0a3f0e-1c3f-4d7e-9a53-1f1e0d0c0b0a"),
        ("sha 0123456789abcdef0123456789abcdef01", "sha 0123456789abcdef0123456789abcdef01"),
        ("Failed password for root from 10.0.0.1", "Failed password for root from 10.0.0.1"),
        ("/srv/Data/Abc123Def456Ghi789Jkl012 read", "/srv/Data/Abc123Def456Ghi789Jkl012 read"),
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str, masked: str) -> None:
    assert without_secrets(line) == masked


@pytest.mark.parametrize("part", ["secret", "a", "aA1", "token=", "eyJ", "://a", "secret-"])
def test_no_line_takes_long(part: str) -> None:
    began = time.process_time()
    without_secrets((part * 512)[:512])
    assert time.process_time() - began < 1  # a hundred times of what it takes
