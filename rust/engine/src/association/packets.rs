//! What a packet is by its first chunk (RFC 9260 section 3).

const COMMON_HEADER: usize = 12;
const CHUNK_HEARTBEAT: u8 = 4;
const CHUNK_HEARTBEAT_ACK: u8 = 5;

/// Whether a packet only asks, or says, that the peer is there.
pub fn is_heartbeat(packet: &[u8]) -> bool {
    matches!(packet.get(COMMON_HEADER), Some(&CHUNK_HEARTBEAT | &CHUNK_HEARTBEAT_ACK))
}
