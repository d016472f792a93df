//! Messages of the Data Channel Establishment Protocol.

use webrtc_direct_engine::dcep::{self, Message};

pub fn run(data: &[u8]) {
    let Some((max_text, message)) = data.split_first() else {
        return;
    };
    let max_text = 4 * usize::from(*max_text);
    match dcep::parse_untrusted(message, max_text) {
        Some(Message::Open) => assert!((12..=12 + max_text).contains(&message.len())),
        Some(Message::Ack) => assert_eq!(message[0], dcep::ACK[0]),
        None => {}
    }
}
