"""The protocols that come with the package: ping and identify, which are always on, perf and echo."""
