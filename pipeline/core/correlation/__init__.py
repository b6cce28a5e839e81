"""Which alerts share a cause, found from their words, their labels and their times, as they come.

Measured part by part in the project's notes: a newcomer competes on likeness per second since an incident last grew; an
incident waits as long as its own rhythm says; what is everyday glues nothing. The live table decides duplicates.
"""
