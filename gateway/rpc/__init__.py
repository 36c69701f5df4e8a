"""The gRPC face: the only place of the system that sees protobuf. Hard state: none but the spool of uploads under way."""
