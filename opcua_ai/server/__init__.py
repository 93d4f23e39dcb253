"""The advisory OPC UA server: address space, predicted-fault alarms, access.

Clients see everything and write nothing. ``nodesets/Opc.Ua.OpcuaAi.NodeSet2.xml`` holds the types,
``advisory.AdvisoryServer`` makes the instances from the configuration and keeps them up to date.
"""
