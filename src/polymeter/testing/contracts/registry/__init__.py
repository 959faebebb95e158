"""The parts of :class:`~polymeter.testing.contracts.registries.RegistryContract`, one promise each."""
