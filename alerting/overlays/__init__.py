"""What alerting draws into charts of telemetry: limits of rules, and the times in which their alerts were open."""
