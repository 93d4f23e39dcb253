"""Ground floor: types, ports, errors, plug-in lookup, configuration, resources."""
