//! The Data Channel Establishment Protocol (RFC 8832): OPEN and ACK.
//!
//! ```text
//! |  type 0x03    |  channel type |  priority                     |
//! |                    reliability parameter                      |
//! |  label length                 |  protocol length              |
//! |  label …                       protocol …                     |
//! ```

/// The payload protocol identifier of these messages.
pub const PPID: u32 = 50;

const TYPE_ACK: u8 = 0x02;
const TYPE_OPEN: u8 = 0x03;
/// RFC 8831 section 6.4: "normal".
const PRIORITY: u16 = 256;

/// The answer to an OPEN.
pub const ACK: [u8; 1] = [TYPE_ACK];

/// A message, as far as this engine needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The peer opens a channel.
    ///
    /// Its label, its protocol and its channel type say nothing here: libp2p leaves the first two
    /// empty, and everything is sent ordered and reliable, which gives a peer at least what it asked for.
    Open,
    /// The peer took a channel.
    Ack,
}

/// The OPEN for an ordered, reliable channel with empty label and protocol.
pub fn open() -> Vec<u8> {
    let mut message = vec![TYPE_OPEN, 0];
    message.extend_from_slice(&PRIORITY.to_be_bytes());
    message.extend_from_slice(&[0; 8]);
    message
}

/// Read a message of the peer's; `None` for what is neither OPEN nor ACK, or not whole, or whose
/// label and protocol are longer than *max_text* bytes together.
pub fn parse_untrusted(message: &[u8], max_text: usize) -> Option<Message> {
    match *message.first()? {
        // pion pads its ACK to four bytes.
        TYPE_ACK => Some(Message::Ack),
        TYPE_OPEN => {
            let head = message.get(..12)?;
            let label = usize::from(u16::from_be_bytes([head[8], head[9]]));
            let protocol = usize::from(u16::from_be_bytes([head[10], head[11]]));
            let whole = message.len() == 12 + label + protocol;
            (whole && label + protocol <= max_text).then_some(Message::Open)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_is_read_back() {
        assert_eq!(parse_untrusted(&open(), 0), Some(Message::Open));
        assert_eq!(parse_untrusted(&ACK, 0), Some(Message::Ack));
        assert_eq!(parse_untrusted(&[2, 0, 0, 0], 0), Some(Message::Ack));
    }

    #[test]
    fn a_wrong_length_or_type_is_refused() {
        let mut message = open();
        message[9] = 3;
        assert_eq!(parse_untrusted(&message, 16), None);
        message.extend_from_slice(b"abc");
        assert_eq!(parse_untrusted(&message, 16), Some(Message::Open));
        assert_eq!(parse_untrusted(&message, 2), None);
        assert_eq!(parse_untrusted(&message[..11], 16), None);
        assert_eq!(parse_untrusted(&[], 16), None);
        assert_eq!(parse_untrusted(&[9], 16), None);
    }
}
