"""libp2p's protobuf messages: keys, the Noise payload and identify.

``*_pb2.py`` and ``*_pb2.pyi`` are generated from the ``.proto`` files beside them; from
the repository's root, with grpcio-tools installed::

    python -m grpc_tools.protoc -I src --python_out=src --pyi_out=src src/webrtc_direct/protobuf/*.proto

The framing of streams does not use protobuf's library: see ``protocol/message.py``.
"""
