"""What goes out once a week and not as a page: to a chat's webhook, or as mail; each is tried again."""

from pipeline.edge.post.mail import Letter, MailServer, send
from pipeline.edge.post.patience import Patience
from pipeline.edge.post.webhook import Webhook, post

__all__ = ["Letter", "MailServer", "Patience", "Webhook", "post", "send"]
