//! Packets that a peer of SCTP could make, and what is done between them at the end that takes them.
//!
//! A script has chunks without a common header; the ports, the tag and the checksum come from here. Its
//! TSNs and sequence numbers count from 0: what the association began with is added to them, so that a
//! script means the same to each association.

use std::time::Duration;

use webrtc_direct_engine::association::ChannelKey;

use super::script::Script;

/// Steps.
pub const PACKET: u8 = 0;
pub const WRONG_TAG: u8 = 1;
pub const RAW: u8 = 2;
pub const OPEN: u8 = 3;
pub const SEND: u8 = 4;
pub const CLOSE: u8 = 5;
pub const RESET: u8 = 6;
pub const WAIT: u8 = 7;
pub const CONSUME: u8 = 8;
pub const FLUSH: u8 = 9;
pub const MANY: u8 = 10;
pub const BULK: u8 = 11;
const STEPS: u8 = 12;

const COMMON_HEADER: usize = 12;
const PORTS: [u8; 4] = [0x13, 0x88, 0x13, 0x88];

/// What is delivered to a reader that does not read, at most: the budget, and what one packet completes.
pub const BUDGET: u64 = 64 * 1024;

/// The end that takes the packets.
pub trait Victim {
    fn packet(&mut self, packet: &[u8]);
    fn open(&mut self, key: ChannelKey);
    fn send(&mut self, key: ChannelKey, messages: Vec<Vec<u8>>);
    fn close(&mut self, key: ChannelKey);
    fn reset(&mut self, key: ChannelKey);
    fn wait(&mut self, time: Duration);
    /// The reader takes everything.
    fn consume(&mut self);
    /// Let it act, then check what must hold. Says whether it is still up.
    fn flush(&mut self) -> bool;
}

/// What an association began with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// The tag that packets to the victim carry.
    pub tag: u32,
    /// The peer's first TSN and first request number.
    pub peer: u32,
    /// The victim's.
    pub victim: u32,
}

impl Origin {
    /// Learn from a packet of the handshake.
    pub fn observe(&mut self, packet: &[u8], of_peer: bool) {
        if let (Some(1 | 2), Some(tag), Some(tsn)) = (packet.get(12), word(packet, 16), word(packet, 28)) {
            if of_peer {
                self.peer = tsn;
            } else {
                self.tag = tag;
                self.victim = tsn;
            }
        }
    }

    /// The packet that holds *chunks*.
    pub fn packet(&self, chunks: &[u8], tag: u32) -> Vec<u8> {
        let mut packet = PORTS.to_vec();
        packet.extend_from_slice(&tag.to_be_bytes());
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(chunks);
        self.shift(&mut packet, true);
        let checksum = crc32c(&packet).to_le_bytes();
        packet[8..COMMON_HEADER].copy_from_slice(&checksum);
        packet
    }

    /// Add, or take away, what the association began with, in each chunk of *packet*.
    pub fn shift(&self, packet: &mut [u8], add: bool) {
        let change = |bytes: &mut [u8], at: usize, origin: u32| {
            if let Some(number) = word(bytes, at) {
                let number = if add { number.wrapping_add(origin) } else { number.wrapping_sub(origin) };
                bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
            }
        };
        let mut at = COMMON_HEADER;
        while let Some(length) = packet.get(at + 2..at + 4) {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(4);
            let end = (at + length).min(packet.len());
            let chunk = &mut packet[at..end];
            match chunk[0] {
                // DATA, I-DATA, FORWARD-TSN, I-FORWARD-TSN.
                0 | 64 | 192 | 194 => change(chunk, 4, self.peer),
                // SACK; its duplicates stand behind its gaps.
                3 => {
                    change(chunk, 4, self.victim);
                    let gaps = word(chunk, 12).map_or(0, |counts| (counts >> 16) as usize);
                    for at in (16 + 4 * gaps..chunk.len()).step_by(4) {
                        change(chunk, at, self.victim);
                    }
                }
                // SHUTDOWN.
                7 => change(chunk, 4, self.victim),
                // RE-CONFIG.
                130 => {
                    let mut at = 4;
                    while let Some(head) = chunk.get(at..at + 4) {
                        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).max(4);
                        match head[1] {
                            13 => {
                                change(chunk, at + 4, self.peer);
                                change(chunk, at + 8, self.victim);
                                change(chunk, at + 12, self.peer);
                            }
                            14 => change(chunk, at + 4, self.peer),
                            16 => change(chunk, at + 4, self.victim),
                            _ => {}
                        }
                        at += length.next_multiple_of(4);
                    }
                }
                _ => {}
            }
            at += length.next_multiple_of(4);
        }
    }
}

/// Do what *script* says.
pub fn play(script: &mut Script<'_>, origin: Origin, victim: &mut impl Victim) {
    let mut next_key = 2;
    let mut sent: usize = 0;
    while let Some(step) = script.step() {
        match step % STEPS {
            PACKET => victim.packet(&origin.packet(script.bytes(), origin.tag)),
            WRONG_TAG => {
                let tag = origin.tag ^ u32::from(script.byte());
                victim.packet(&origin.packet(script.bytes(), tag));
            }
            RAW => victim.packet(script.bytes()),
            OPEN => {
                victim.open(next_key);
                next_key += 2;
            }
            SEND => {
                let key = key(script.byte());
                let size = 1 + script.number() % 16_384;
                sent += size;
                if sent < 1 << 20 {
                    victim.send(key, vec![vec![7; size]]);
                }
            }
            CLOSE => victim.close(key(script.byte())),
            RESET => victim.reset(key(script.byte())),
            WAIT => victim.wait(Duration::from_millis(10 * u64::from(script.byte()))),
            CONSUME => victim.consume(),
            FLUSH => {}
            MANY => many(script, origin, victim),
            _ => bulk(script, origin, victim),
        }
        if !victim.flush() {
            return;
        }
    }
}

/// The same chunk again and again, the numbers in it counted up by as much each time.
fn many(script: &mut Script<'_>, origin: Origin, victim: &mut impl Victim) {
    let times = 1 + script.number() % 512;
    let by = u32::from(script.byte());
    let mut origin = origin;
    let chunks = script.bytes();
    for _ in 0..times {
        victim.packet(&origin.packet(chunks, origin.tag));
        origin.peer = origin.peer.wrapping_add(by);
    }
}

/// A run of DATA in order, complete messages of one size on one stream, from a TSN on.
fn bulk(script: &mut Script<'_>, origin: Origin, victim: &mut impl Victim) {
    let (first, stream, ssn) = (script.number(), script.number(), script.number());
    let (count, size, flags) = (script.number() % 1024, 1 + script.number() % 1180, script.byte());
    for at in 0..count {
        let ssn = if flags & 4 != 0 { ssn } else { ssn + at };
        let chunk = data((first + at) as u32, stream as u16, ssn as u16, flags, 53, &vec![1; size]);
        victim.packet(&origin.packet(&chunk, origin.tag));
    }
}

/// A DATA chunk.
pub fn data(tsn: u32, stream: u16, ssn: u16, flags: u8, ppid: u32, payload: &[u8]) -> Vec<u8> {
    let mut chunk = vec![0, flags];
    chunk.extend_from_slice(&(16 + payload.len() as u16).to_be_bytes());
    chunk.extend_from_slice(&tsn.to_be_bytes());
    chunk.extend_from_slice(&stream.to_be_bytes());
    chunk.extend_from_slice(&ssn.to_be_bytes());
    chunk.extend_from_slice(&ppid.to_be_bytes());
    chunk.extend_from_slice(payload);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// A RE-CONFIG chunk that asks to reset *streams*, all where there are none.
pub fn outgoing_reset(request: u32, last_tsn: u32, streams: &[u16]) -> Vec<u8> {
    let length = 16 + 2 * streams.len() as u16;
    let mut chunk = vec![130, 0];
    chunk.extend_from_slice(&(4 + length).to_be_bytes());
    chunk.extend_from_slice(&[0, 13]);
    chunk.extend_from_slice(&length.to_be_bytes());
    for number in [request, u32::MAX, last_tsn] {
        chunk.extend_from_slice(&number.to_be_bytes());
    }
    for stream in streams {
        chunk.extend_from_slice(&stream.to_be_bytes());
    }
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// Channel 0, those of this end, those of the peer.
fn key(byte: u8) -> ChannelKey {
    u64::from(byte % 16)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// CRC-32C (RFC 9260 appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    static TABLE: std::sync::OnceLock<[u32; 256]> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|at| {
            (0..8).fold(at as u32, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
        })
    });
    !bytes.iter().fold(!0, |crc, byte| crc >> 8 ^ table[(crc as u8 ^ byte) as usize])
}
