"""Measuring scores against outcomes: arrays in, numbers with intervals out."""
