"""Model bundles -> predictions. ``load_bundle`` is the door; ``kinds/`` holds one file per kind."""

from opcua_ai.inference.bundle import list_bundles, load_bundle, verify_bundle, write_bundle
from opcua_ai.inference.manifest import Manifest
from opcua_ai.inference.model import Model

__all__ = ["Manifest", "Model", "list_bundles", "load_bundle", "verify_bundle", "write_bundle"]
