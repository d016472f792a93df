"""What this Python offers (event loop, tasks, threads, files); it knows nothing of networks or libp2p."""
