"""What pagesieve costs: measured on the real command, the real broker and beside a real Alertmanager."""
