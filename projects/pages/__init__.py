"""What the pages that people look around with have in common: project, time range, panels, charts, exports."""
