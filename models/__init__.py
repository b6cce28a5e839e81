"""Learned parts: which templates come together, which first, how often, and which are alike. Trained offline.

A model is arrays and a manifest. Nothing in here reads a file or a clock: who trains hands over a history as columns.
"""
