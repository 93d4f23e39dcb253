"""A session with a token that nobody can guess (Part 4, 5.7.2)."""

from __future__ import annotations

import secrets
from typing import Any

from opcua_ai.server.asyncua_mends.session_services import SessionServices
from opcua_ai.server.values import node_id


class Session(SessionServices):
    """asyncua counts its tokens up."""

    def __init__(self, *args: Any, external: bool = False, **options: Any) -> None:
        super().__init__(*args, external=external, **options)
        if external:
            self.iserver.unregister_external_session(self)
            self.auth_token = node_id(secrets.token_bytes(32))
            self.iserver.register_external_session(self)
