"""The alert inbox: what is open, what to do about it in a keystroke, what is over."""
