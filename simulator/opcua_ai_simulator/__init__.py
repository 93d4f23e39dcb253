"""Simulated plants that speak OPC UA: live PLC tags for a test bench, a demo or a course.

The package never imports ``opcua_ai``; the two meet over OPC UA only.
"""

__version__ = "0.1.0"
