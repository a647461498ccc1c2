//! GBCS CS02b and CS02a on the wire: bytes in, bytes out.
