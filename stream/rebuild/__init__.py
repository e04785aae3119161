"""After a loss: from `history`, the alerts and the logs to the state that a worker without a loss would hold.

`tidegauge rebuild` only writes where workers begin; they replay, in silence about what was told, and go on.
"""
