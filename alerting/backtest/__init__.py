"""What a rule would have done over stored telemetry: the replay of `alerting.replay`, fed from the database."""
