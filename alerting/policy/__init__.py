"""Who hears of an alert, when, together with what, and what keeps quiet: decisions between outbox and delivery."""
