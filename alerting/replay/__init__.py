"""Rules over telemetry that lies in memory, at moments of one's choice: for rule tests and backtests."""
