"""Passwords as Argon2id hashes in PHC form (RFC 9106), by ``cryptography``, which is needed anyway.

Argon2id rather than scrypt: it is the newer recommendation, and its PHC string carries its cost, so
that a later rise of the cost leaves the stored hashes valid.
"""

from __future__ import annotations

import os
import re
import secrets

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

_MEMORY_KIB, _ITERATIONS, _LANES = 19 * 1024, 2, 1
"""OWASP's least cost: about 25 ms; the GIL is free meanwhile."""
MAX_LENGTH = 1024
"""Bytes."""
_PHC = re.compile(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


def hashed(password: str) -> str:
    """Blocking: call it in a thread."""
    deriver = Argon2id(
        salt=os.urandom(16),
        length=32,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    )
    return deriver.derive_phc_encoded(password.encode("utf-8"))


NOBODY = hashed(secrets.token_hex(32))
"""Compared with when the name is unknown, so that it takes as long as a wrong password."""


def matches(password: str, phc: str) -> bool:
    """Blocking: call it in a thread."""
    given = password.encode("utf-8", "surrogatepass")[:MAX_LENGTH]
    try:
        Argon2id.verify_phc_encoded(given, phc)
    except InvalidKey:
        return False
    return True


def is_hash(text: str) -> bool:
    """Has this the form of a hash that ``matches`` understands?"""
    return _PHC.fullmatch(text) is not None
