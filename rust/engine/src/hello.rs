//! What is wrong with a ClientHello that dimpl drops without a word, because nothing in it is known to it.

use crate::failure::Failure;

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;
const RANDOM: usize = 32;
/// DTLS 1.2 on the wire; 1.3 says the same here.
const VERSION: [u8; 2] = [254, 253];

/// Why the ClientHello that begins *datagram* cannot be answered, where it is there as a whole.
///
/// ```text
/// record      type 1, version 2, epoch 2, sequence number 6, length 2
/// handshake   type 1, length 3, message_seq 2, fragment offset 3, fragment length 3
/// ClientHello version 2, random 32, session id <1>, cookie <1>, cipher suites <2>, ...
/// ```
pub(crate) fn fault_untrusted(datagram: &[u8], is_ours: impl Fn(u16) -> bool) -> Option<Failure> {
    let header = datagram.get(RECORD_HEADER..RECORD_HEADER + HANDSHAKE_HEADER)?;
    if header[6..9] != [0; 3] || header[1..4] != header[9..12] {
        return None;
    }
    let (version, rest) = datagram[RECORD_HEADER + HANDSHAKE_HEADER..].split_at_checked(2)?;
    if version != VERSION {
        return Some(Failure::DtlsVersion);
    }
    let (_session, rest) = vector(rest.get(RANDOM..)?, 1)?;
    let (_cookie, rest) = vector(rest, 1)?;
    let (suites, _) = vector(rest, 2)?;
    let known = suites.chunks_exact(2).any(|suite| is_ours(u16::from_be_bytes([suite[0], suite[1]])));
    (!known).then_some(Failure::DtlsCipherSuite)
}

/// A vector whose length stands before it in *width* bytes, and what follows it.
fn vector(data: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_at_checked(width)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}
