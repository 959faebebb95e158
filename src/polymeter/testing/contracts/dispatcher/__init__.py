"""The parts of :class:`~polymeter.testing.contracts.dispatchers.DispatcherContract`, one promise each."""
