"""From every shard's profiles to reports and alerts: merge, roll up, compare with the reference, decide, tell.

Pure: no Kafka, no Redis, no clock. `stream.monitor.core.MonitorCore` is the way in.
"""
