"""Actionability: how likely it is that a person has to act, from what a scope is used to; it explains itself.

The model is a sum of log-odds that nobody had to label anything for (../../../README.md says what it measured). Its
features are surprises: how seldom a template, an alert and a place begin to fire, and how much other surprise is still
in the air around them. All of it comes from counts that fade, in bounded memory, so that a replay gives the same score.
"""
