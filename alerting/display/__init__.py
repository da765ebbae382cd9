"""How alerting is shown wherever it is shown: states, conditions, numbers. Pages build on it, it on none of them."""
