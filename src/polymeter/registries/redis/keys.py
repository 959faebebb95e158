"""Keys: what is where in Redis, and for how long."""

from __future__ import annotations

__all__ = ["Keys"]


class Keys:
    """The keys of one app. The name stands in braces: in a cluster they are all in one place.

    :ivar state: hash: all series that writers add to, definitions, and the number of each writer's last flush.
    :ivar writers: sorted set: writer -> Unix seconds of its last flush.
    :ivar live: what the key of a writer's own hash begins with: what it alone says, as long as it lives.
    :ivar ends: list: the last values of series that have ended.
    :ivar ttl: seconds for which all of it is kept after the last flush of anybody.
    :ivar alive: seconds after its last flush for which a writer counts as alive.
    """

    def __init__(self, prefix: str, app: str, *, ttl: float, alive: float) -> None:
        base = f"{prefix}:{{{app}}}"
        self.state = base
        self.writers = f"{base}:writers"
        self.live = f"{base}:live:"
        self.ends = f"{base}:ends"
        self.ttl = ttl
        self.alive = alive
