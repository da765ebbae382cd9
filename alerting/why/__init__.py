"""Why an alert fired, who was told, and who was not: kept with each change, told as one chain."""
