"""The composition root: the only rooms where parts are made, given what they need, and started."""
