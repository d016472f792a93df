//! STUN messages (RFC 8489) as ICE uses them (RFC 8445): Binding requests, responses and error responses.
//!
//! This module knows the wire format and its checks. It does not know credentials, addresses that are
//! trusted, or what to answer.
//!
//! ```text
//!  0                   1                   2                   3
//! |0 0|     message type          |         message length        |
//! |                     magic cookie 0x2112A442                   |
//! |                  transaction id (96 bits)                     |
//! |  attribute type               |   attribute length            |
//! |  value, padded to a multiple of 4 …                           |
//! ```

use std::net::{IpAddr, SocketAddr};

use crate::mac;

/// Length of the fixed header.
const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// RFC 8489 section 14.7: the CRC-32 of FINGERPRINT is XORed with this.
const FINGERPRINT_XOR: u32 = 0x5354_554e;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

/// RFC 8445 section 5.1.2: type preference 110 (peer reflexive), local preference 65535, component 1.
const PRIORITY_VALUE: u32 = (110 << 24) | (65535 << 8) | 255;

/// Identifies one request and its response.
pub type TransactionId = [u8; 12];

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A Binding request: wants an answer.
    Request,
    /// A Binding indication: wants none.
    Indication,
    /// A success response.
    Success,
    /// An error response, with its ERROR-CODE (0 where it has none).
    Error(u16),
}

/// Which side of ICE the sender of a request claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    /// ICE-CONTROLLING, with USE-CANDIDATE where the pair is nominated.
    Controlling {
        /// The pair is to be used.
        use_candidate: bool,
    },
    /// ICE-CONTROLLED.
    Controlled,
}

/// Why a datagram is not a STUN message that this engine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Too short, a wrong length field, or no magic cookie.
    #[error("not a STUN message")]
    NotStun,
    /// A method other than Binding.
    #[error("a STUN method other than Binding")]
    Method,
    /// An attribute that runs past the message, or a known one of a wrong size.
    #[error("a malformed STUN attribute")]
    Attribute,
    /// FINGERPRINT is absent, not last, or wrong.
    #[error("a STUN message without a right FINGERPRINT")]
    Fingerprint,
}

/// A parsed message. It borrows the datagram.
#[derive(Debug)]
pub struct Message<'a> {
    /// What it is.
    pub class: Class,
    /// Chosen by the sender of the request.
    pub transaction_id: TransactionId,
    /// USERNAME, where present.
    pub username: Option<&'a [u8]>,
    /// ICE-CONTROLLING or ICE-CONTROLLED, where present.
    pub role: Option<IceRole>,
    /// Attributes of the comprehension-required range that this engine does not know.
    pub unknown_required: Vec<u16>,
    datagram: &'a [u8],
    integrity_at: Option<usize>,
}

/// Whether RFC 7983 would hand this datagram to STUN.
pub fn looks_like_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

/// Parse a datagram from the network.
///
/// # Errors
/// Anything that is not a well-formed Binding message with a right FINGERPRINT.
pub fn parse_untrusted(datagram: &[u8]) -> Result<Message<'_>, ParseError> {
    let header = datagram.get(..HEADER).ok_or(ParseError::NotStun)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_stun = kind & 0xc000 == 0 && header[4..8] == MAGIC_COOKIE;
    if !is_stun || length % 4 != 0 || HEADER + length != datagram.len() {
        return Err(ParseError::NotStun);
    }
    if kind & !0x0110 != 0x0001 {
        return Err(ParseError::Method);
    }
    let mut transaction_id = [0; 12];
    transaction_id.copy_from_slice(&header[8..]);
    let mut message = Message {
        class: match kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error(0),
        },
        transaction_id,
        username: None,
        role: None,
        unknown_required: Vec::new(),
        datagram,
        integrity_at: None,
    };
    message.parse_attributes_untrusted()?;
    Ok(message)
}

impl<'a> Message<'a> {
    fn parse_attributes_untrusted(&mut self) -> Result<(), ParseError> {
        let datagram = self.datagram;
        let mut use_candidate = false;
        let mut at = HEADER;
        while at < datagram.len() {
            let head = datagram.get(at..at + 4).ok_or(ParseError::Attribute)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = datagram.get(at + 4..at + 4 + length).ok_or(ParseError::Attribute)?;
            let next = at + 4 + length.next_multiple_of(4);
            if kind == FINGERPRINT {
                let expected = fingerprint(&datagram[..at]);
                if next != datagram.len() || value != expected {
                    return Err(ParseError::Fingerprint);
                }
                if let (Some(IceRole::Controlling { .. }), true) = (self.role, use_candidate) {
                    self.role = Some(IceRole::Controlling { use_candidate });
                }
                return Ok(());
            }
            // RFC 8489 section 14.5: what follows MESSAGE-INTEGRITY, FINGERPRINT apart, is ignored.
            if self.integrity_at.is_none() {
                use_candidate |= kind == USE_CANDIDATE;
                self.take_attribute_untrusted(kind, value, at)?;
            }
            at = next;
        }
        Err(ParseError::Fingerprint)
    }

    fn take_attribute_untrusted(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), ParseError> {
        match kind {
            USERNAME => self.username = Some(value),
            MESSAGE_INTEGRITY if value.len() == 20 => self.integrity_at = Some(at),
            ICE_CONTROLLING if value.len() == 8 => {
                self.role = Some(IceRole::Controlling { use_candidate: false });
            }
            ICE_CONTROLLED if value.len() == 8 => self.role = Some(IceRole::Controlled),
            ERROR_CODE if value.len() >= 4 => {
                if let Class::Error(code) = &mut self.class {
                    *code = u16::from(value[2] & 7) * 100 + u16::from(value[3]);
                }
            }
            MESSAGE_INTEGRITY | ICE_CONTROLLING | ICE_CONTROLLED | ERROR_CODE => {
                return Err(ParseError::Attribute);
            }
            // The mapped address is of no use here: the address that was dialed is the address.
            XOR_MAPPED_ADDRESS | PRIORITY | USE_CANDIDATE | UNKNOWN_ATTRIBUTES | MESSAGE_INTEGRITY_SHA256 => {
            }
            required if required < 0x8000 => {
                // An answer lists them; one datagram holds no more than this many.
                self.unknown_required.push(required);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether MESSAGE-INTEGRITY is there and made with *key* (RFC 8489 section 14.5).
    pub fn is_authentic(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity_at else {
            return false;
        };
        // The HMAC covers what stands before it, with the length as if it were the last attribute.
        let length = ((at + 24 - HEADER) as u16).to_be_bytes();
        let covered = [&self.datagram[..2], &length, &self.datagram[4..at]];
        mac::is_sha1(&self.datagram[at + 4..at + 24], key, &covered)
    }
}

/// Make a Binding request. A *tie_breaker* goes with the role, as RFC 8445 section 7.1 wants it.
pub fn binding_request(
    transaction_id: TransactionId,
    username: &str,
    key: &str,
    role: IceRole,
    tie_breaker: u64,
) -> Vec<u8> {
    let mut builder = Builder::new(0x0001, transaction_id);
    builder.attribute(USERNAME, username.as_bytes());
    builder.attribute(PRIORITY, &PRIORITY_VALUE.to_be_bytes());
    match role {
        IceRole::Controlling { use_candidate } => {
            builder.attribute(ICE_CONTROLLING, &tie_breaker.to_be_bytes());
            if use_candidate {
                builder.attribute(USE_CANDIDATE, &[]);
            }
        }
        IceRole::Controlled => builder.attribute(ICE_CONTROLLED, &tie_breaker.to_be_bytes()),
    }
    builder.finish(key)
}

/// Make the success response to a Binding request that came from *source*.
pub fn binding_success(transaction_id: TransactionId, source: SocketAddr, key: &str) -> Vec<u8> {
    let mut builder = Builder::new(0x0101, transaction_id);
    builder.attribute(XOR_MAPPED_ADDRESS, &xor_address(source, transaction_id));
    builder.finish(key)
}

/// Make an error response: its *code* (300 to 699) and, for 420, the attributes that are *unknown*.
pub fn binding_error(
    transaction_id: TransactionId,
    code: u16,
    reason: &str,
    unknown: &[u16],
    key: &str,
) -> Vec<u8> {
    let mut builder = Builder::new(0x0111, transaction_id);
    let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
    value.extend_from_slice(reason.as_bytes());
    builder.attribute(ERROR_CODE, &value);
    if !unknown.is_empty() {
        let list: Vec<u8> = unknown.iter().take(8).flat_map(|kind| kind.to_be_bytes()).collect();
        builder.attribute(UNKNOWN_ATTRIBUTES, &list);
    }
    builder.finish(key)
}

struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    fn new(kind: u16, transaction_id: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(&transaction_id);
        Self { bytes }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
    }

    fn set_length(&mut self, more: usize) {
        let length = (self.bytes.len() - HEADER + more) as u16;
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }

    fn finish(mut self, key: &str) -> Vec<u8> {
        self.set_length(24);
        let tag = mac::sha1(key.as_bytes(), &[&self.bytes]);
        self.attribute(MESSAGE_INTEGRITY, &tag);
        self.set_length(8);
        let fingerprint = fingerprint(&self.bytes);
        self.attribute(FINGERPRINT, &fingerprint);
        self.bytes
    }
}

/// *covered* must already hold the length field of the whole message.
fn fingerprint(covered: &[u8]) -> [u8; 4] {
    (crc32fast::hash(covered) ^ FINGERPRINT_XOR).to_be_bytes()
}

fn xor_address(address: SocketAddr, transaction_id: TransactionId) -> Vec<u8> {
    let port = address.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let mut mask = MAGIC_COOKIE.to_vec();
    mask.extend_from_slice(&transaction_id);
    let (family, octets) = match address.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend_from_slice(&port.to_be_bytes());
    value.extend(octets.iter().zip(&mask).map(|(octet, mask)| octet ^ mask));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1: a request with USERNAME, PRIORITY, ICE-CONTROLLED, padding of spaces.
    const RFC5769_REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae\
        802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36\
        000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
        80280004e57a3bcf";
    const RFC5769_PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_sample_request_of_rfc_5769_is_authentic() {
        let datagram = unhex(RFC5769_REQUEST);
        let message = parse_untrusted(&datagram).unwrap();
        assert_eq!(message.class, Class::Request);
        assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
        assert_eq!(message.role, Some(IceRole::Controlled));
        assert!(message.is_authentic(RFC5769_PASSWORD));
        assert!(!message.is_authentic(b"VOkJxbRl1RmTxUk/WvJxBu"));
    }

    #[test]
    fn the_sample_response_of_rfc_5769_maps_the_same_address() {
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let source = "192.0.2.1:32853".parse().unwrap();
        assert_eq!(xor_address(source, id), unhex("0001a147e112a643"));
        let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        assert_eq!(xor_address(source, id), unhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"));
    }

    #[test]
    fn what_is_built_can_be_parsed() {
        for use_candidate in [false, true] {
            let role = IceRole::Controlling { use_candidate };
            let datagram = binding_request([7; 12], "server:client", "secret", role, 42);
            let message = parse_untrusted(&datagram).unwrap();
            assert_eq!(message.role, Some(role));
            assert_eq!(message.username, Some(&b"server:client"[..]));
            assert!(message.is_authentic(b"secret"));
        }
        let datagram = binding_error([7; 12], 403, "Forbidden", &[], "secret");
        let message = parse_untrusted(&datagram).unwrap();
        assert_eq!(message.class, Class::Error(403));
        assert!(message.is_authentic(b"secret"));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let role = IceRole::Controlling { use_candidate: true };
        let datagram = binding_request([7; 12], "server:client", "secret", role, 42);
        for at in 0..datagram.len() {
            let mut changed = datagram.clone();
            changed[at] ^= 1;
            let accepted = parse_untrusted(&changed).is_ok_and(|message| message.is_authentic(b"secret"));
            assert!(!accepted, "byte {at}");
        }
        for length in 0..datagram.len() {
            assert!(parse_untrusted(&datagram[..length]).is_err());
        }
    }

    #[test]
    fn unknown_attributes_are_told_apart_by_their_range() {
        let mut builder = Builder::new(0x0001, [1; 12]);
        builder.attribute(0xc057, &[0, 1, 0, 10]);
        builder.attribute(0x0026, b"?");
        let datagram = builder.finish("key");
        let message = parse_untrusted(&datagram).unwrap();
        assert_eq!(message.unknown_required, [0x0026]);
    }
}
