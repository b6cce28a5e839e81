"""Operations scenes with truth, from a seed: what a Prometheus of two clusters would say in eight hours."""
