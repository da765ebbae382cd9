"""How well anomaly rules find what people have labelled: `manage.py score_anomalies`."""
