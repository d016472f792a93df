//! What strangers may send, made beforehand so that sending costs no more than the system call.

use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::stun::{self, Class, IceRole};
use webrtc_direct_engine::ufrag::{Credentials, PREFIX_V1, PREFIX_V2};

/// Different datagrams of a kind; they are sent again and again, from other addresses.
const POOL: usize = 1 << 16;
const UFRAG: usize = 32;
const GARBAGE: usize = 200;

/// One sort of flood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes without meaning.
    Garbage,
    /// Binding requests, versions 1 and 2, whose MESSAGE-INTEGRITY is wrong.
    Forged,
    /// Authentic Binding requests of version 1, each with credentials of its own.
    AuthenticV1,
    /// The same, version 2.
    AuthenticV2,
    /// DTLS ClientHellos from addresses that have sent nothing else.
    Hello,
    /// An authentic request that nominates, and a ClientHello, from an address that answers nothing.
    HalfOpen,
    /// The same from addresses that do answer checks, and then fall silent.
    HalfOpenProved,
}

const NAMES: [(&str, Kind); 7] = [
    ("garbage", Kind::Garbage),
    ("forged", Kind::Forged),
    ("authentic-v1", Kind::AuthenticV1),
    ("authentic-v2", Kind::AuthenticV2),
    ("hello", Kind::Hello),
    ("half-open", Kind::HalfOpen),
    ("half-open-proved", Kind::HalfOpenProved),
];

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    pub(crate) fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }
}

/// Datagrams in batches; those of a batch are of one size.
pub(crate) struct Pool {
    batches: Vec<(Vec<u8>, usize)>,
    hello: Vec<u8>,
    per_batch: usize,
}

impl Pool {
    pub(crate) fn new(kind: Kind, batch: usize) -> Self {
        let mut random = Random::new([7; 32]);
        let per_batch = match kind {
            Kind::HalfOpen => 2,
            Kind::HalfOpenProved => 1,
            _ => batch,
        };
        let batches = (0..POOL / per_batch)
            .map(|number| {
                let mut contents = Vec::new();
                let mut size = 0;
                let count = if kind == Kind::HalfOpen { 1 } else { per_batch };
                for _ in 0..count {
                    let datagram = datagram(kind, number, &mut random);
                    size = datagram.len();
                    contents.extend_from_slice(&datagram);
                }
                if kind == Kind::HalfOpen {
                    contents.extend_from_slice(&client_hello(&mut random, size));
                }
                (contents, size)
            })
            .collect();
        Self { batches, hello: client_hello(&mut random, 0), per_batch }
    }

    pub(crate) fn per_batch(&self) -> usize {
        self.per_batch
    }

    /// The datagrams of batch *number*, joined, and the size of each.
    pub(crate) fn batch(&self, number: u64) -> (&[u8], usize) {
        let (contents, size) = &self.batches[(number % self.batches.len() as u64) as usize];
        (contents, *size)
    }

    pub(crate) fn hello(&self) -> &[u8] {
        &self.hello
    }
}

fn datagram(kind: Kind, number: usize, random: &mut Random) -> Vec<u8> {
    match kind {
        Kind::Garbage => (0..GARBAGE.div_ceil(32)).flat_map(|_| random.block()).take(GARBAGE).collect(),
        Kind::Forged => request(number.is_multiple_of(2), random, Some("not the key"), false),
        Kind::AuthenticV1 => request(true, random, None, false),
        Kind::AuthenticV2 => request(false, random, None, false),
        Kind::Hello => client_hello(random, 0),
        Kind::HalfOpen => request(number.is_multiple_of(2), random, None, true),
        Kind::HalfOpenProved => request(number.is_multiple_of(2), random, None, false),
    }
}

fn request(is_v1: bool, random: &mut Random, key: Option<&str>, use_candidate: bool) -> Vec<u8> {
    let ufrag: String = random.block().iter().map(|byte| char::from(b'a' + byte % 26)).take(UFRAG).collect();
    let (server, username) = if is_v1 {
        let server = format!("{PREFIX_V1}{ufrag}");
        (server.clone(), format!("{server}:{server}"))
    } else {
        let server = format!("{PREFIX_V2}{ufrag}");
        (server.clone(), format!("{server}:{}", &ufrag[..8]))
    };
    let role = IceRole::Controlling { use_candidate };
    let key = key.unwrap_or(&server);
    stun::binding_request(random.transaction_id(), &username, key, role, random.number())
}

/// The answer to a check of the listener's.
pub(crate) fn answer_untrusted(datagram: &[u8]) -> Option<Vec<u8>> {
    let message = stun::parse_untrusted(datagram).ok()?;
    if message.class != Class::Request {
        return None;
    }
    let username = std::str::from_utf8(message.username?).ok()?;
    let (client, server) = username.split_once(':')?;
    let turned = format!("{server}:{client}");
    let credentials = Credentials::from_username_untrusted(turned.as_bytes()).ok()?;
    let anywhere = ([127, 0, 0, 1], 9).into();
    Some(stun::binding_success(message.transaction_id, anywhere, &credentials.client_pwd))
}

/// A ClientHello of DTLS 1.2 (RFC 6347 section 4.2), as long as *size* where it would be shorter.
///
/// ```text
/// record: type 22, version, epoch and sequence number, length
/// handshake: type 1, length, message_seq, fragment_offset, fragment_length
/// body: version, random, session id, cookie, cipher suites, compression, extensions
/// ```
fn client_hello(random: &mut Random, size: usize) -> Vec<u8> {
    const RECORD_HEADER: usize = 13;
    const HANDSHAKE_HEADER: usize = 12;
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&random.block());
    body.extend_from_slice(&[0, 0]);
    // ECDHE-ECDSA with AES-128-GCM and AES-256-GCM; no compression.
    body.extend_from_slice(&[0, 4, 0xc0, 0x2b, 0xc0, 0x2c, 1, 0]);
    let mut extensions = Vec::new();
    extension(&mut extensions, 10, &[0, 4, 0, 23, 0, 29]); // groups: P-256, X25519
    extension(&mut extensions, 11, &[1, 0]); // uncompressed points
    extension(&mut extensions, 13, &[0, 4, 4, 3, 8, 4]); // ECDSA with SHA-256, RSA-PSS
    extension(&mut extensions, 23, &[]); // extended master secret
    extension(&mut extensions, 0xff01, &[0]); // renegotiation info
    let length = RECORD_HEADER + HANDSHAKE_HEADER + body.len() + 2 + extensions.len();
    if let Some(padding) = size.checked_sub(length + 4) {
        extension(&mut extensions, 21, &vec![0; padding]);
    }
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let body_length = (body.len() as u32).to_be_bytes();
    let mut hello = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    hello.extend_from_slice(&((HANDSHAKE_HEADER + body.len()) as u16).to_be_bytes());
    hello.push(1);
    hello.extend_from_slice(&body_length[1..]);
    hello.extend_from_slice(&[0; 5]);
    hello.extend_from_slice(&body_length[1..]);
    hello.extend_from_slice(&body);
    hello
}

fn extension(extensions: &mut Vec<u8>, kind: u16, value: &[u8]) {
    extensions.extend_from_slice(&kind.to_be_bytes());
    extensions.extend_from_slice(&(value.len() as u16).to_be_bytes());
    extensions.extend_from_slice(value);
}
