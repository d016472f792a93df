"""What this Python offers: its event loop, tasks, threads, files. It knows nothing of networks or libp2p."""
