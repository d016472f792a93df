//! Packets and chunks as they are on the wire (RFC 9260 section 3).
//!
//! It knows bytes, not what they are for.

pub(crate) mod chunk;
pub(crate) mod init;
pub(crate) mod reconfig;
pub(crate) mod write;

/// The common header: ports, verification tag, checksum.
pub(crate) const COMMON_HEADER: usize = 12;
const CHUNK_HEADER: usize = 4;
const CHECKSUM: std::ops::Range<usize> = 8..12;

/// A packet whose header has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) tag: u32,
    pub(crate) chunks: Chunks<'a>,
}

/// Why a packet is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Short,
    Ports,
    Checksum,
}

/// Read a packet of the peer's. *omits*: it may come without a checksum (RFC 9653).
pub(crate) fn parse_untrusted(
    packet: &[u8],
    ports: (u16, u16),
    omits: bool,
) -> Result<Packet<'_>, Malformed> {
    let Some((header, chunks)) = packet.split_at_checked(COMMON_HEADER) else {
        return Err(Malformed::Short);
    };
    if (number16(header, 0), number16(header, 2)) != (Some(ports.0), Some(ports.1)) {
        return Err(Malformed::Ports);
    }
    let checksum = &header[CHECKSUM];
    let is_omitted = omits && checksum == [0; 4];
    if !is_omitted && checksum != checksum_of(packet).to_le_bytes() {
        return Err(Malformed::Checksum);
    }
    let tag = number32(header, 4).unwrap_or_default();
    Ok(Packet { tag, chunks: Chunks { rest: chunks } })
}

/// CRC-32C of a packet, its own checksum taken as zero (RFC 9260 appendix A).
fn checksum_of(packet: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&packet[..CHECKSUM.start]);
    let sum = crc32c::crc32c_append(sum, &[0; 4]);
    crc32c::crc32c_append(sum, &packet[CHECKSUM.end..])
}

/// One chunk, its padding cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) value: &'a [u8],
    /// With its header.
    pub(crate) whole: &'a [u8],
}

/// The chunks of a packet, or the parameters of a chunk cut alike: those that are whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let length = usize::from(number16(self.rest, 2)?);
        let whole = self.rest.get(..length)?;
        let value = whole.get(CHUNK_HEADER..)?;
        let (kind, flags) = (whole[0], whole[1]);
        // The padding of the last one may be missing.
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Chunk { kind, flags, value, whole })
    }
}

/// A parameter, or an error cause: type, length, value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
    /// With its header.
    pub(crate) whole: &'a [u8],
}

/// The parameters in *bytes*: those that are whole.
pub(crate) fn parameters(bytes: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    Chunks { rest: bytes }.map(|chunk| Parameter {
        kind: u16::from_be_bytes([chunk.kind, chunk.flags]),
        value: chunk.value,
        whole: chunk.whole,
    })
}

pub(crate) fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

pub(crate) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
