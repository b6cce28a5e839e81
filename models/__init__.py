"""Learned parts. Nothing is learned yet: grouping follows the policy (issues 6 and 7 bring features and training)."""
