"""Django's PostgreSQL backend with a bounded pool of connections for each process.

Not psycopg_pool, which Django offers: after a restart of the server it hands each dead connection to a request before
it makes a new one, with pauses that grow from a second, and where no server answers it lets requests wait. Here a dead
connection is noticed without asking the server, and a server that refuses is an error at once.
"""
