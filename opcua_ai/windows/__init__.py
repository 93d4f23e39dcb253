"""Samples -> aligned windows with quality: sample and hold on the plant's clock."""
