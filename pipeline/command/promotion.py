"""Promotion: a model of what people said is used where it loses no more true incidents than what it would replace.

What it would lose stands in its manifest, on a later time that it was not learned from, beside the prior and the model
that was in use when it was trained.
"""

LOST = ("lost_at_90", "lost_at_99")


def refusal(held_out: dict[str, dict[str, float]], current: str | None) -> str | None:
    """Why a model should not be used instead of `current`, or of the prior alone; None: it may."""
    model = held_out.get("model")
    if not model or not model.get("true_incidents"):
        return "in the later time that it was judged on nobody had to act, so nobody knows what it would lose"
    if current is not None and current not in held_out:
        return f"it was not compared with {current}, which is in use; train again"
    for name in ("prior", current):
        other = held_out[name] if name is not None else model
        for figure in LOST:
            if model[figure] > other[figure]:
                share = figure.removeprefix("lost_at_")
                return (
                    f"with {share} % of the noise kept quiet it loses {model[figure]:.0f} of "
                    f"{model['true_incidents']:.0f} incidents, {name} {other[figure]:.0f}"
                )
    return None
