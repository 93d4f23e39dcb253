"""opcua-ai: plant tags in, predictions and recommendations out, over OPC UA."""

__version__ = "0.1.0"
