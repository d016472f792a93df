//! SCTP packets on their way out, and what a packet is by its first chunk (RFC 9260 section 3).

const COMMON_HEADER: usize = 12;
const CHUNK_SACK: u8 = 3;
const CHUNK_HEARTBEAT: u8 = 4;
const CHUNK_HEARTBEAT_ACK: u8 = 5;
const CHUNK_ABORT: u8 = 6;
/// SACKs with a gap that go out together: three make a sender repeat what is missing, the newest says it all.
const MAX_GAP_SACKS: usize = 4;

/// Whether a packet begins with an ABORT.
pub(crate) fn is_abort(packet: &[u8]) -> bool {
    packet.get(COMMON_HEADER) == Some(&CHUNK_ABORT)
}

/// Whether a packet only asks, or says, that the peer is there.
pub fn is_heartbeat(packet: &[u8]) -> bool {
    matches!(packet.get(COMMON_HEADER), Some(&CHUNK_HEARTBEAT | &CHUNK_HEARTBEAT_ACK))
}

/// The packets to send. Of those that hold nothing but a SACK it keeps the newest, which says all that the
/// others say.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    packets: Vec<Vec<u8>>,
    last_sack: Option<usize>,
    /// How many of them are SACKs that report a gap.
    gap_sacks: usize,
}

impl Packets {
    pub(crate) fn push(&mut self, packet: Vec<u8>) {
        let is_sack = packet.get(COMMON_HEADER) == Some(&CHUNK_SACK)
            && packet.get(COMMON_HEADER + 2..COMMON_HEADER + 4).is_some_and(|length| {
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                COMMON_HEADER + length.next_multiple_of(4) == packet.len()
            });
        // A sender repeats what three SACKs have reported missing (RFC 9260 section 7.2.4), so those that
        // report a gap are not all alike.
        let reports_gap =
            packet.get(COMMON_HEADER + 12..COMMON_HEADER + 14).is_some_and(|gaps| gaps != [0, 0]);
        if !is_sack {
            self.packets.push(packet);
            return;
        }
        match self.last_sack {
            Some(at) if !reports_gap || self.gap_sacks == MAX_GAP_SACKS => self.packets[at] = packet,
            _ => {
                self.gap_sacks += usize::from(reports_gap);
                self.last_sack = Some(self.packets.len());
                self.packets.push(packet);
            }
        }
    }

    /// All of them, oldest first.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(self).packets
    }
}
