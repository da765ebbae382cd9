"""Past one machine: the big tables spread over the nodes of Citus by `manage.py distribute`.

`placements` says which table goes by which column, `obstacles` what stands in the way, `steps` does it. Everything
else of the engine room works on distributed tables as on plain ones.
"""
