"""Predictions -> faults and recommendations. One file per policy."""
