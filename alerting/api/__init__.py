"""The HTTP interface of rules, channels, alerts and notifications."""
