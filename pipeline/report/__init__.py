"""The weekly noise report: what people were paged for, what it was worth, and what to do about it on Monday."""
