"""The same job in other frameworks, each in an environment of its own; nothing here imports this project's packages.

Only `load/__init__.py` and these files are on an environment's path, besides what its `requirements.txt` names.
"""
