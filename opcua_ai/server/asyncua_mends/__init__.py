"""Where asyncua 2.1.0 falls short of the specification, mended by subclass; nothing is patched.

============================  ===============================================================
class                         mends
============================  ===============================================================
filters.TypeAwareWhereClause  OfType matches subtypes (Part 4, 7.7.3); operands with a path of
                              several names (``ActiveState/Id``)
filters.SharedValues          no deep copy for every value and subscriber
subscriptions.Subscriptions   events climb to all notifiers (Part 3, 7.17); ConditionRefresh
                              replays retained conditions in brackets (Part 9, 5.5.7)
transport.Processor           no session on a channel whose security policy is not offered
transport.BoundedProtocol     a message that is too long is refused before it is buffered
sessions.Session              random tokens (Part 4, 5.6.2); a session's subscriptions are its own
services.InternalServer       nobody registers servers here
services.Server               a taken port gives one error, no traceback; stop leaves no task
============================  ===============================================================

``tests/unit/server/test_asyncua_mends.py`` shows each shortcoming: when one of its tests of plain
asyncua fails after an update, the mend can go.
"""

from opcua_ai.server.asyncua_mends.services import Server

__all__ = ["Server"]
