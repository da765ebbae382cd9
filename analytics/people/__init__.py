"""One person: what they did, session by session, and how far they are on the project's journeys."""
