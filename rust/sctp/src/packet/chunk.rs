//! The chunks of an association that is up: DATA, SACK, and what ends it.

use super::{Chunk, number16, number32, parameters};

/// Chunk types (RFC 9260 section 3.2, RFC 6525, RFC 3758).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const INIT: u8 = 1;
    pub(crate) const INIT_ACK: u8 = 2;
    pub(crate) const SACK: u8 = 3;
    pub(crate) const HEARTBEAT: u8 = 4;
    pub(crate) const HEARTBEAT_ACK: u8 = 5;
    pub(crate) const ABORT: u8 = 6;
    pub(crate) const SHUTDOWN: u8 = 7;
    pub(crate) const SHUTDOWN_ACK: u8 = 8;
    pub(crate) const ERROR: u8 = 9;
    pub(crate) const COOKIE_ECHO: u8 = 10;
    pub(crate) const COOKIE_ACK: u8 = 11;
    pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;
    pub(crate) const I_DATA: u8 = 64;
    pub(crate) const RE_CONFIG: u8 = 130;
    pub(crate) const FORWARD_TSN: u8 = 192;
    pub(crate) const I_FORWARD_TSN: u8 = 194;
}

/// Error causes (RFC 9260 section 3.3.10).
pub(crate) mod cause {
    pub(crate) const UNRECOGNIZED_CHUNK: u16 = 6;
    pub(crate) const NO_USER_DATA: u16 = 9;
    pub(crate) const USER_INITIATED: u16 = 12;
    pub(crate) const PROTOCOL_VIOLATION: u16 = 13;
}

/// Header of a DATA chunk.
pub(crate) const DATA_HEADER: usize = 16;
/// A SACK without blocks and duplicates.
pub(crate) const SACK_HEADER: usize = 16;

/// Flags of a DATA chunk.
pub(crate) mod flag {
    /// The last fragment.
    pub(crate) const END: u8 = 1;
    /// The first fragment.
    pub(crate) const BEGIN: u8 = 2;
    pub(crate) const UNORDERED: u8 = 4;
    /// Acknowledge without delay (RFC 7053).
    pub(crate) const IMMEDIATE: u8 = 8;
}

/// Of an ABORT or SHUTDOWN-COMPLETE: the tag is that of the receiver's peer.
pub(crate) const FLAG_REFLECTED_TAG: u8 = 1;

/// A fragment of a message (RFC 9260 section 3.3.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data<'a> {
    pub(crate) flags: u8,
    pub(crate) tsn: u32,
    pub(crate) stream: u16,
    pub(crate) ssn: u16,
    pub(crate) ppid: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Data<'a> {
    pub(crate) fn parse_untrusted(chunk: &Chunk<'a>) -> Option<Self> {
        Some(Self {
            flags: chunk.flags,
            tsn: number32(chunk.value, 0)?,
            stream: number16(chunk.value, 4)?,
            ssn: number16(chunk.value, 6)?,
            ppid: number32(chunk.value, 8)?,
            payload: chunk.value.get(DATA_HEADER - 4..)?,
        })
    }
}

/// An acknowledgement (RFC 9260 section 3.3.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sack<'a> {
    pub(crate) cumulative: u32,
    pub(crate) window: u32,
    blocks: &'a [u8],
    duplicates: &'a [u8],
}

impl<'a> Sack<'a> {
    pub(crate) fn parse_untrusted(chunk: &Chunk<'a>) -> Option<Self> {
        let value = chunk.value;
        let blocks = usize::from(number16(value, 8)?) * 4;
        let duplicates = usize::from(number16(value, 10)?) * 4;
        let lists = value.get(SACK_HEADER - 4..)?;
        Some(Self {
            cumulative: number32(value, 0)?,
            window: number32(value, 4)?,
            blocks: lists.get(..blocks)?,
            duplicates: lists.get(blocks..blocks + duplicates)?,
        })
    }

    /// What a SHUTDOWN acknowledges, which says nothing of gaps; *window* as it was.
    pub(crate) fn of_shutdown(cumulative: u32, window: u32) -> Self {
        Self { cumulative, window, blocks: &[], duplicates: &[] }
    }

    /// Start and end of each gap block, as offsets from the cumulative TSN.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (u16, u16)> + 'a {
        self.blocks
            .chunks_exact(4)
            .map(|block| (u16::from_be_bytes([block[0], block[1]]), u16::from_be_bytes([block[2], block[3]])))
    }

    pub(crate) fn duplicates(&self) -> impl Iterator<Item = u32> + 'a {
        self.duplicates.chunks_exact(4).map(|tsn| u32::from_be_bytes([tsn[0], tsn[1], tsn[2], tsn[3]]))
    }
}

/// The causes of an ABORT or ERROR, in words.
pub(crate) fn causes_in_words(value: &[u8]) -> String {
    const MOST: usize = 4;
    let causes: Vec<String> =
        parameters(value).take(MOST).map(|cause| cause_in_words(cause.kind, cause.value)).collect();
    if causes.is_empty() { "without a cause".to_owned() } else { causes.join("; ") }
}

fn cause_in_words(kind: u16, value: &[u8]) -> String {
    let name = match kind {
        1 => "invalid stream identifier",
        2 => "missing mandatory parameter",
        3 => "stale cookie",
        4 => "out of resource",
        5 => "unresolvable address",
        cause::UNRECOGNIZED_CHUNK => "unrecognized chunk type",
        7 => "invalid mandatory parameter",
        8 => "unrecognized parameters",
        cause::NO_USER_DATA => "no user data",
        10 => "cookie received while shutting down",
        11 => "restart with new addresses",
        cause::USER_INITIATED => "user-initiated abort",
        cause::PROTOCOL_VIOLATION => "protocol violation",
        _ => return format!("cause {kind}"),
    };
    match (kind, text(value)) {
        (cause::USER_INITIATED | cause::PROTOCOL_VIOLATION, Some(text)) => format!("{name}: {text}"),
        _ => name.to_owned(),
    }
}

/// What a peer says, as far as it can be shown.
fn text(value: &[u8]) -> Option<String> {
    const MOST: usize = 200;
    let value = &value[..value.len().min(MOST)];
    let text: String = String::from_utf8_lossy(value)
        .chars()
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
