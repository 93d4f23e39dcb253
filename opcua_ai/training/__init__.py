"""Data sets, architectures, fitting, evaluation and export; the runtime never imports it."""
