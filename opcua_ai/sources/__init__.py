"""Where samples come from: one file per kind of source; files with an underscore are helpers."""
