"""The page on which people find metrics and look at them."""
