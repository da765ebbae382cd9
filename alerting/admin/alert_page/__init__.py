"""The page of one alert: what broke, since when, for whom, what next."""
