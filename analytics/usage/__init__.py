"""Usage: who is active, who comes back, who is new or gone, and who uses which feature. Counted in UTC days.

People are user ids with the anonymous ids merged into them, else anonymous ids. Whoever sent nothing but a session id
is nobody in particular: two sessions of one person would be two people.
"""
