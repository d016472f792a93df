//! The frames of a libp2p stream, as far as it takes to see that a stream is void.
//!
//! A frame is a varint with its length, and a protobuf message with a flag and data (libp2p, "WebRTC", "Multiplexing").

/// A message with the flag `RESET_STREAM`, and nothing else: field 1, a varint, of value 2.
const RESET_STREAM: [u8; 2] = [8, 2];
/// What lengths have at most: four bytes are far more than any frame that is read.
const MAX_LENGTH_BYTES: usize = 4;

/// Whether the last frame of these bytes is a whole one with `RESET_STREAM`: its sender takes back all before it.
pub(crate) fn end_in_reset_untrusted<'a>(parts: impl Iterator<Item = &'a [u8]>) -> bool {
    let bytes = parts.collect::<Vec<_>>().concat();
    let mut rest = &bytes[..];
    let mut is_reset = false;
    while !rest.is_empty() {
        let Some((frame, after)) = split_frame(rest) else { return false };
        is_reset = frame == RESET_STREAM;
        rest = after;
    }
    is_reset
}

fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(MAX_LENGTH_BYTES).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_in_reset(parts: &[&[u8]]) -> bool {
        end_in_reset_untrusted(parts.iter().copied())
    }

    #[test]
    fn only_a_whole_last_frame_with_the_flag_is_a_reset() {
        let data = [5, 0x12, 3, 2, 8, 2];
        let reset = [2, 8, 2];
        assert!(end_in_reset(&[&reset]));
        assert!(end_in_reset(&[&data, &reset]));
        // However it is cut.
        assert!(end_in_reset(&[&data[..2], &data[2..], &reset[..1], &reset[1..]]));
        // These bytes are the data of a frame.
        assert!(!end_in_reset(&[&data]));
        assert!(!end_in_reset(&[&reset, &data]));
        assert!(!end_in_reset(&[&reset[..2]]));
        assert!(!end_in_reset(&[&[2, 8, 0]]));
        assert!(!end_in_reset(&[]));
        assert!(!end_in_reset(&[&[0x80; 9]]));
        assert!(!end_in_reset(&[&[200, 1, 8], &reset]));
    }

    #[test]
    fn whatever_comes_is_the_same_however_it_is_cut() {
        let alphabet = [0, 1, 2, 3, 8, 0x80, 0xff];
        for number in 0..alphabet.len().pow(5) {
            let bytes: Vec<u8> =
                (0..5).map(|at| alphabet[number / alphabet.len().pow(at) % alphabet.len()]).collect();
            let whole = end_in_reset(&[&bytes]);
            assert!(!whole || bytes.ends_with(&[8, 2]));
            assert_eq!(end_in_reset(&[&bytes[..2], &bytes[2..]]), whole);
        }
    }

    #[test]
    fn a_length_may_have_several_bytes() {
        let mut frame = vec![0x80, 0x01];
        frame.extend([7; 128]);
        assert!(end_in_reset(&[&frame, &[2, 8, 2]]));
    }
}
