"""A guardrail: why a low score does not keep an alert quiet."""

from schemas.sentence import Sentenced


class Guard(Sentenced):
    """What stands above any score, the most serious first; `sentence` says it in words."""

    FAULT = "fault", "The model gave no score that can be believed, so it pages."
    OLD_MODEL = "old_model", "The model was trained too long ago to be believed, so it pages."
    CRITICAL = "critical", "Its source claims that it is critical; no score keeps that quiet."
    NAMED = "named", "The policy names it among what always pages."
    TIER = "tier", "The policy names its tier among those that always page."
    UNWATCHED = "unwatched", "Its scope has not been watched for long enough to know what is usual there."
    NEW_TEMPLATE = "new_template", "Nobody was ever paged for an alert of its kind."
    BUDGET = "budget", "As many incidents of its scope were kept quiet today as may be."
    RAISED = "raised", "It got worse while it fired."
    STORM = "storm", "It is part of a storm, or of what cannot be remembered."
    SHADOW = (
        "shadow",
        "Its score is low: with `suppress: on` it would be kept quiet. Here that is only written down.",
    )
