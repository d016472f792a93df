//! What the targets share: an identity, and sending what an outbox holds.

use std::net::SocketAddr;
use std::sync::OnceLock;

use webrtc_direct_engine::Outbox;
use webrtc_direct_engine::dtls::{Event, Identity, Sink};
use webrtc_direct_engine::session::Fingerprint;

pub fn identity() -> (Identity, Fingerprint) {
    static CERTIFICATE: OnceLock<dimpl::DtlsCertificate> = OnceLock::new();
    let certificate =
        CERTIFICATE.get_or_init(|| dimpl::certificate::generate_self_signed_certificate().unwrap());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(&certificate.fingerprint());
    let identity = Identity::new(certificate.certificate.clone(), certificate.private_key.clone());
    (identity.unwrap(), fingerprint)
}

pub fn drain(outbox: &mut Outbox) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut datagrams = Vec::new();
    while let Some(batch) = outbox.batch(1, usize::MAX) {
        datagrams.push((batch.destination, batch.contents.to_vec()));
        outbox.advance(1);
    }
    datagrams
}

/// Keeps what a DTLS endpoint puts out.
#[derive(Default)]
pub struct Kept {
    pub datagrams: Vec<Vec<u8>>,
    pub data: Vec<Vec<u8>>,
    pub events: Vec<Event>,
}

impl Sink for Kept {
    fn datagram(&mut self, datagram: &[u8]) {
        self.datagrams.push(datagram.to_vec());
    }

    fn data(&mut self, data: &[u8]) {
        self.data.push(data.to_vec());
    }

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}
