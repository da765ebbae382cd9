"""`make bench`: what "fast" means, as ratios measured on the machine at hand; see docs/performance.md."""
