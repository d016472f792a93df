//! INIT and INIT ACK, and what an end announces in them (RFC 9260 sections 3.3.2 and 3.3.3).

use super::chunk::kind;
use super::write::Writer;
use super::{Parameter, number16, number32, parameters};

const STATE_COOKIE: u16 = 7;
const UNRECOGNIZED: u16 = 8;
const SUPPORTED_EXTENSIONS: u16 = 0x8008;
const ZERO_CHECKSUM_ACCEPTABLE: u16 = 0x8001;
const FORWARD_TSN_SUPPORTED: u16 = 0xc000;
/// RFC 9653 section 6.2: DTLS detects what a checksum would.
const ERROR_DETECTION_DTLS: u32 = 1;
/// What is told of unrecognized parameters, at most.
const MAX_UNRECOGNIZED: usize = 512;

/// An INIT or INIT ACK.
#[derive(Clone, Debug, Default)]
pub(crate) struct Init {
    pub(crate) tag: u32,
    pub(crate) window: u32,
    pub(crate) outgoing_streams: u16,
    pub(crate) incoming_streams: u16,
    pub(crate) tsn: u32,
    /// RFC 6525.
    pub(crate) can_reset_streams: bool,
    /// RFC 9653: it takes packets without a checksum.
    pub(crate) needs_no_checksum: bool,
    /// Of an INIT ACK.
    pub(crate) cookie: Option<Vec<u8>>,
    /// Parameters to be reported, whole.
    pub(crate) unrecognized: Vec<u8>,
}

impl Init {
    pub(crate) fn parse_untrusted(value: &[u8]) -> Option<Self> {
        let mut init = Self {
            tag: number32(value, 0)?,
            window: number32(value, 4)?,
            outgoing_streams: number16(value, 8)?,
            incoming_streams: number16(value, 10)?,
            tsn: number32(value, 12)?,
            ..Self::default()
        };
        for parameter in parameters(value.get(16..)?) {
            if !init.take(&parameter) {
                break;
            }
        }
        Some(init)
    }

    /// Returns whether to go on with the next one.
    fn take(&mut self, parameter: &Parameter<'_>) -> bool {
        match parameter.kind {
            STATE_COOKIE => self.cookie = Some(parameter.value.to_vec()),
            SUPPORTED_EXTENSIONS => self.can_reset_streams = parameter.value.contains(&kind::RE_CONFIG),
            ZERO_CHECKSUM_ACCEPTABLE => {
                self.needs_no_checksum = number32(parameter.value, 0) == Some(ERROR_DETECTION_DTLS);
            }
            // Addresses, which DTLS has already; preferences and authentication, which it replaces; and
            // what a peer reports of ours.
            5 | 6 | 9 | 11 | 12 | UNRECOGNIZED | FORWARD_TSN_SUPPORTED | 0x8000 | 0x8002..=0x8004 => {}
            // Section 3.2.1: the highest bits say what to do with what is not known.
            unknown => {
                let room = MAX_UNRECOGNIZED - self.unrecognized.len();
                if unknown & 0x4000 != 0 && parameter.whole.len() <= room {
                    self.unrecognized.extend_from_slice(parameter.whole);
                    self.unrecognized.resize(self.unrecognized.len().next_multiple_of(4), 0);
                }
                return unknown & 0x8000 != 0;
            }
        }
        true
    }

    /// Write it as a chunk, of kind INIT or INIT ACK.
    pub(crate) fn write(&self, writer: &mut Writer<'_>, kind: u8) {
        writer.chunk(kind, 0, |out| {
            out.extend_from_slice(&self.tag.to_be_bytes());
            out.extend_from_slice(&self.window.to_be_bytes());
            out.extend_from_slice(&self.outgoing_streams.to_be_bytes());
            out.extend_from_slice(&self.incoming_streams.to_be_bytes());
            out.extend_from_slice(&self.tsn.to_be_bytes());
            // Partial reliability is announced, never used, and refused: pion takes each SACK as a reason to send
            // only where it is announced; else its fast retransmissions wait for a timer or for new data.
            parameter(out, FORWARD_TSN_SUPPORTED, &[]);
            parameter(
                out,
                SUPPORTED_EXTENSIONS,
                &[super::chunk::kind::RE_CONFIG, super::chunk::kind::FORWARD_TSN],
            );
            if self.needs_no_checksum {
                parameter(out, ZERO_CHECKSUM_ACCEPTABLE, &ERROR_DETECTION_DTLS.to_be_bytes());
            }
            if let Some(cookie) = &self.cookie {
                parameter(out, STATE_COOKIE, cookie);
            }
            for unrecognized in parameters(&self.unrecognized) {
                parameter(out, UNRECOGNIZED, unrecognized.whole);
            }
        });
    }
}

fn parameter(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(4 + value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + value.len().next_multiple_of(4) - value.len(), 0);
}
