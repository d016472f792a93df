"""``python -m webrtc_direct`` is the command ``webrtc-direct``."""

from webrtc_direct.cli.main import main

if __name__ == "__main__":
    main()
