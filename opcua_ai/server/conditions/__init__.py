"""Predicted faults as alarms and conditions (Part 9).

==============  ==================================================================
module          what it holds
==============  ==================================================================
state           what is kept of one alarm
alarm           the state machine of one alarm
flood           which alarms only repeat what another one tells
fields          the state as the fields of events and nodes
methods         what clients call: Acknowledge, TimedShelve and so on
store           the file in which states survive a restart
conditions      all alarms of a server: nodes, events, timers, file
==============  ==================================================================
"""

from opcua_ai.server.conditions.conditions import Conditions

__all__ = ["Conditions"]
