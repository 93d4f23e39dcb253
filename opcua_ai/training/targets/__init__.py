"""One file per computed regression target. Each defines

``OUTPUT``, ``UNIT``, ``DESCRIPTION``
    name of the bundle's output, unit and text of the target;
``COLUMNS``
    the data columns that it needs;
``compute(table) -> [n]``
    the target of rows [n, COLUMNS].
"""
