//! Packets made and taken apart by hand (RFC 9260 section 3).

pub const DATA: u8 = 0;
pub const INIT: u8 = 1;
pub const INIT_ACK: u8 = 2;
pub const SACK: u8 = 3;
pub const HEARTBEAT: u8 = 4;
pub const HEARTBEAT_ACK: u8 = 5;
pub const ABORT: u8 = 6;
pub const SHUTDOWN: u8 = 7;
pub const SHUTDOWN_ACK: u8 = 8;
pub const ERROR: u8 = 9;
pub const COOKIE_ECHO: u8 = 10;
pub const COOKIE_ACK: u8 = 11;
pub const SHUTDOWN_COMPLETE: u8 = 14;
pub const RECONFIG: u8 = 130;
pub const FORWARD_TSN: u8 = 192;

const NAMES: [(u8, &str); 15] = [
    (DATA, "DATA"),
    (INIT, "INIT"),
    (INIT_ACK, "INIT-ACK"),
    (SACK, "SACK"),
    (HEARTBEAT, "HEARTBEAT"),
    (HEARTBEAT_ACK, "HEARTBEAT-ACK"),
    (ABORT, "ABORT"),
    (SHUTDOWN, "SHUTDOWN"),
    (SHUTDOWN_ACK, "SHUTDOWN-ACK"),
    (ERROR, "ERROR"),
    (COOKIE_ECHO, "COOKIE-ECHO"),
    (COOKIE_ACK, "COOKIE-ACK"),
    (SHUTDOWN_COMPLETE, "SHUTDOWN-COMPLETE"),
    (RECONFIG, "RE-CONFIG"),
    (FORWARD_TSN, "FORWARD-TSN"),
];

/// Flags of a DATA chunk.
pub const END: u8 = 1;
pub const BEGIN: u8 = 2;
pub const WHOLE: u8 = BEGIN | END;
pub const UNORDERED: u8 = 4;

const PORT: u16 = 5000;
const HEADER: usize = 12;

/// A chunk, or a parameter of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub kind: u8,
    pub flags: u8,
    pub value: Vec<u8>,
}

impl Chunk {
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.value[at..at + 4].try_into().unwrap())
    }

    pub fn short(&self, at: usize) -> u16 {
        u16::from_be_bytes(self.value[at..at + 2].try_into().unwrap())
    }
}

/// A packet with a right checksum.
pub fn packet(tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend_from_slice(&PORT.to_be_bytes());
    packet.extend_from_slice(&PORT.to_be_bytes());
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    for chunk in chunks {
        packet.extend_from_slice(chunk);
    }
    seal(&mut packet);
    packet
}

/// Give a packet its right checksum again.
pub fn seal(packet: &mut [u8]) {
    packet[8..12].fill(0);
    let checksum = crc32c::crc32c(packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
}

/// A chunk with its padding.
pub fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.extend_from_slice(&(value.len() as u16 + 4).to_be_bytes());
    chunk.extend_from_slice(value);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// A parameter, or an error cause, with its padding.
pub fn parameter(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut parameter = kind.to_be_bytes().to_vec();
    parameter.extend_from_slice(&(value.len() as u16 + 4).to_be_bytes());
    parameter.extend_from_slice(value);
    parameter.resize(parameter.len().next_multiple_of(4), 0);
    parameter
}

pub fn data(flags: u8, tsn: u32, stream: u16, number: u16, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&stream.to_be_bytes());
    value.extend_from_slice(&number.to_be_bytes());
    value.extend_from_slice(&53_u32.to_be_bytes());
    value.extend_from_slice(payload);
    chunk(DATA, flags, &value)
}

/// An INIT or INIT-ACK: tag, window, streams out and in, first TSN, then parameters.
pub fn init(kind: u8, tag: u32, window: u32, streams: [u16; 2], tsn: u32, parameters: &[u8]) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.extend_from_slice(&window.to_be_bytes());
    value.extend_from_slice(&streams[0].to_be_bytes());
    value.extend_from_slice(&streams[1].to_be_bytes());
    value.extend_from_slice(&tsn.to_be_bytes());
    value.extend_from_slice(parameters);
    chunk(kind, 0, &value)
}

/// A SACK with gap blocks, as offsets, and duplicates.
pub fn sack(tsn: u32, window: u32, gaps: &[(u16, u16)], duplicates: &[u32]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&window.to_be_bytes());
    value.extend_from_slice(&(gaps.len() as u16).to_be_bytes());
    value.extend_from_slice(&(duplicates.len() as u16).to_be_bytes());
    for (from, to) in gaps {
        value.extend_from_slice(&from.to_be_bytes());
        value.extend_from_slice(&to.to_be_bytes());
    }
    for duplicate in duplicates {
        value.extend_from_slice(&duplicate.to_be_bytes());
    }
    chunk(SACK, 0, &value)
}

/// An Outgoing SSN Reset Request (RFC 6525 section 4.1).
pub fn reset_request(request: u32, response: u32, last_tsn: u32, streams: &[u16]) -> Vec<u8> {
    let mut value = request.to_be_bytes().to_vec();
    value.extend_from_slice(&response.to_be_bytes());
    value.extend_from_slice(&last_tsn.to_be_bytes());
    for stream in streams {
        value.extend_from_slice(&stream.to_be_bytes());
    }
    chunk(RECONFIG, 0, &parameter(13, &value))
}

/// A Re-configuration Response (RFC 6525 section 4.4).
pub fn reset_response(request: u32, result: u32) -> Vec<u8> {
    let value = [request.to_be_bytes(), result.to_be_bytes()].concat();
    chunk(RECONFIG, 0, &parameter(16, &value))
}

pub fn tag(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}

/// The chunks of a packet that an end has made, so it is well-formed.
pub fn chunks(packet: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut at = HEADER;
    while at + 4 <= packet.len() {
        let length = usize::from(u16::from_be_bytes([packet[at + 2], packet[at + 3]]));
        assert!(length >= 4 && at + length <= packet.len(), "a chunk of {length} bytes at {at}: {packet:?}");
        let value = packet[at + 4..at + length].to_vec();
        chunks.push(Chunk { kind: packet[at], flags: packet[at + 1], value });
        at = (at + length).next_multiple_of(4);
    }
    chunks
}

pub fn has(packet: &[u8], kind: u8) -> bool {
    chunks(packet).iter().any(|chunk| chunk.kind == kind)
}

/// The parameters of a chunk's value, from *at* on.
pub fn parameters(value: &[u8], mut at: usize) -> Vec<(u16, Vec<u8>)> {
    let mut parameters = Vec::new();
    while at + 4 <= value.len() {
        let kind = u16::from_be_bytes([value[at], value[at + 1]]);
        let length = usize::from(u16::from_be_bytes([value[at + 2], value[at + 3]]));
        parameters.push((kind, value[at + 4..at + length].to_vec()));
        at = (at + length).next_multiple_of(4);
    }
    parameters
}

/// A packet in words, for a trace.
pub fn describe(packet: &[u8]) -> String {
    let words: Vec<String> = chunks(packet).iter().map(describe_chunk).collect();
    words.join(", ")
}

fn describe_chunk(chunk: &Chunk) -> String {
    let name = NAMES.iter().find(|name| name.0 == chunk.kind).map_or("?", |name| name.1);
    match chunk.kind {
        DATA => format!(
            "DATA {} stream {}.{} flags {:x} ({} bytes)",
            chunk.number(0),
            chunk.short(4),
            chunk.short(6),
            chunk.flags,
            chunk.value.len() - 12
        ),
        SACK => {
            let gaps = (0..usize::from(chunk.short(8)))
                .map(|gap| format!(" {}-{}", chunk.short(12 + 4 * gap), chunk.short(14 + 4 * gap)));
            format!("SACK {} window {}{}", chunk.number(0), chunk.number(4), gaps.collect::<String>())
        }
        RECONFIG => {
            let all = parameters(&chunk.value, 0).into_iter();
            all.map(|(kind, value)| format!("RE-CONFIG {kind} {value:02x?} ")).collect()
        }
        _ => name.to_owned(),
    }
}
