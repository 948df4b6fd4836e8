"""Secrets in lines that are kept as examples."""

import re

MASK = "***"

# What follows a key that says so, up to the end of its value, quoted or not.
_KEYED = re.compile(
    r"(?i)((?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|credential|authorization|cookie|session[_-]?id|signature)[\w.-]{0,32}"
    r"[\"']?\s*(?:[=:]|\bis\b)\s*(?:bearer\s+|basic\s+)?)(\"[^\"]*\"?|'[^']*'?|[^\s,;&\"'}\])]+)"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}")
_IN_URL = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
# Signed tokens, keys of well-known makers, and long mixtures of letters and digits: a random string
# of 20 characters out of 62 has both, while words, hexadecimal digests and UUIDs do not match.
_BARE = re.compile(
    r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b(?:gh[pousr]|glpat|xox[abprs])"
    r"[_-][\w-]{10,}|\bsk[_-][\w-]{16,}"
    r"|(?<![\w/.-])(?=\w*[a-z])(?=\w*[A-Z])(?=\w*[0-9])[A-Za-z0-9]{24,}={0,2}(?![\w/.-])"
)


def without_secrets(line: str) -> str:
    """Return a line with what looks like a secret as `***`.

    It errs on the side of masking: an example is shown to people who may not read the log.

    >>> without_secrets("login user=bob password=hunter2 from 10.0.0.1")
    'login user=bob password=*** from 10.0.0.1'
    >>> without_secrets("GET / Authorization: Bearer abcdef0123456789")
    'GET / Authorization: Bearer ***'
    """
    line = _KEYED.sub(rf"\1{MASK}", line)
    line = _SCHEME.sub(rf"\1 {MASK}", line)
    line = _IN_URL.sub(rf"\1{MASK}", line)
    return _BARE.sub(MASK, line)
