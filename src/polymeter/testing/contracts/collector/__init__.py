"""The parts of :class:`~polymeter.testing.contracts.collectors.CollectorContract`, one promise each."""
