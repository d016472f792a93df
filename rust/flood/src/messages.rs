//! What strangers may send, made beforehand so that sending costs no more than the system call.

use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::stun::{self, Class, IceRole};
use webrtc_direct_engine::ufrag::{Credentials, PREFIX_V1, PREFIX_V2, Version};

use crate::clients::Step;

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
    /// Both in turn.
    Authentic,
    /// DTLS ClientHellos from addresses that have sent nothing else.
    Hello,
    /// An authentic request that nominates, and a ClientHello, from an address that answers nothing.
    HalfOpen,
    /// The same from addresses that do answer checks, and then fall silent.
    HalfOpenProved,
    /// All that prove nothing, in turn.
    Mixed,
    /// Clients that connect up to a step, and then fall silent.
    After(Step),
}

/// One of three requests is forged.
const MIXED: [Kind; 6] =
    [Kind::Forged, Kind::AuthenticV1, Kind::AuthenticV2, Kind::Garbage, Kind::Hello, Kind::HalfOpen];

const NAMES: [(&str, Kind); 12] = [
    ("garbage", Kind::Garbage),
    ("forged", Kind::Forged),
    ("authentic-v1", Kind::AuthenticV1),
    ("authentic-v2", Kind::AuthenticV2),
    ("authentic", Kind::Authentic),
    ("hello", Kind::Hello),
    ("half-open", Kind::HalfOpen),
    ("half-open-proved", Kind::HalfOpenProved),
    ("mixed", Kind::Mixed),
    ("after-dtls", Kind::After(Step::Dtls)),
    ("after-init", Kind::After(Step::Init)),
    ("after-sctp", Kind::After(Step::Sctp)),
];

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    pub(crate) fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }

    /// What the batch *number* is, and its number among those that are the same.
    fn of_batch(self, number: usize) -> (Self, usize) {
        match self {
            Self::Mixed => (MIXED[number % MIXED.len()], number / MIXED.len()),
            _ => (self, number),
        }
    }
}

/// Datagrams of one size, joined.
pub(crate) struct Batch {
    pub(crate) contents: Vec<u8>,
    pub(crate) size: usize,
    pub(crate) count: usize,
}

impl Batch {
    /// Of *most* datagrams, where the *kind* has no number of its own.
    fn new(kind: Kind, most: usize, number: usize, random: &mut Random) -> Self {
        let (kind, number) = kind.of_batch(number);
        let count = if matches!(kind, Kind::HalfOpen | Kind::HalfOpenProved) { 1 } else { most };
        let datagrams: Vec<Vec<u8>> = (0..count).map(|_| datagram(kind, number, random)).collect();
        let size = datagrams[0].len();
        let mut batch = Self { contents: datagrams.concat(), size, count };
        if kind == Kind::HalfOpen {
            batch.contents.extend_from_slice(&client_hello(random, size));
            batch.count += 1;
        }
        batch
    }
}

/// What is sent again and again.
pub(crate) struct Pool {
    batches: Vec<Batch>,
    hello: Vec<u8>,
}

impl Pool {
    pub(crate) fn new(kind: Kind, most: usize) -> Self {
        let mut random = Random::new([7; 32]);
        let mut batches = Vec::new();
        let mut count = 0;
        while count < POOL {
            let batch = Batch::new(kind, most, batches.len(), &mut random);
            count += batch.count;
            batches.push(batch);
        }
        Self { batches, hello: client_hello(&mut random, 0) }
    }

    pub(crate) fn batch(&self, number: u64) -> &Batch {
        &self.batches[(number % self.batches.len() as u64) as usize]
    }

    pub(crate) fn hello(&self) -> &[u8] {
        &self.hello
    }
}

/// What the datagrams of batch *number* are; the versions alternate where the *kind* has none.
fn datagram(kind: Kind, number: usize, random: &mut Random) -> Vec<u8> {
    let is_v1 = number.is_multiple_of(2);
    match kind {
        Kind::Garbage => (0..GARBAGE.div_ceil(32)).flat_map(|_| random.block()).take(GARBAGE).collect(),
        Kind::Forged => request(is_v1, random, Some("not the key"), false),
        Kind::AuthenticV1 => request(true, random, None, false),
        Kind::AuthenticV2 => request(false, random, None, false),
        Kind::Hello => client_hello(random, 0),
        Kind::HalfOpen => request(is_v1, random, None, true),
        // Clients make their requests themselves.
        Kind::Authentic | Kind::HalfOpenProved | Kind::After(_) => request(is_v1, random, None, false),
        Kind::Mixed => {
            let (kind, number) = kind.of_batch(number);
            datagram(kind, number, random)
        }
    }
}

fn request(is_v1: bool, random: &mut Random, key: Option<&str>, use_candidate: bool) -> Vec<u8> {
    let credentials = credentials(is_v1, random);
    let role = IceRole::Controlling { use_candidate };
    let key = key.unwrap_or(&credentials.server_ufrag);
    let username = credentials.username_to_server();
    stun::binding_request(random.transaction_id(), &username, key, role, random.number())
}

/// Those of a client.
pub(crate) fn credentials(is_v1: bool, random: &mut Random) -> Credentials {
    let password: String =
        random.block().iter().map(|byte| char::from(b'a' + byte % 26)).take(UFRAG).collect();
    if is_v1 {
        let ufrag = format!("{PREFIX_V1}{password}");
        let (client_pwd, server_ufrag) = (ufrag.clone(), ufrag.clone());
        Credentials { version: Version::V1, client_ufrag: ufrag, client_pwd, server_ufrag }
    } else {
        let (client_ufrag, server_ufrag) = (password[..8].to_owned(), format!("{PREFIX_V2}{password}"));
        Credentials { version: Version::V2, client_ufrag, client_pwd: password, server_ufrag }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn mixed() -> Vec<Batch> {
        let mut random = Random::new([1; 32]);
        (0..600).map(|number| Batch::new(Kind::Mixed, 1, number, &mut random)).collect()
    }

    #[test]
    fn the_versions_of_mixed_requests_and_who_is_forged_alternate() {
        // Of a round: forged, authentic, authentic, and the half-open one.
        let requests: Vec<Vec<u8>> = mixed()
            .chunks(MIXED.len())
            .flat_map(|round| [0, 1, 2, 5].map(|place| round[place].contents[..round[place].size].to_vec()))
            .collect();
        let mut usernames = HashSet::new();
        let (mut v1, mut authentic) = (0, 0);
        for request in &requests {
            let message = stun::parse_untrusted(request).unwrap();
            let username = message.username.unwrap();
            let credentials = Credentials::from_username_untrusted(username).unwrap();
            v1 += usize::from(username.starts_with(PREFIX_V1.as_bytes()));
            authentic += usize::from(message.is_authentic(credentials.server_ufrag.as_bytes()));
            assert!(usernames.insert(username.to_vec()));
        }
        assert_eq!((requests.len(), v1, authentic), (400, 200, 300));
    }

    #[test]
    fn the_datagrams_of_a_batch_have_one_size() {
        let mut random = Random::new([1; 32]);
        for (name, kind) in NAMES {
            for number in 0..12 {
                let batch = Batch::new(kind, 32, number, &mut random);
                assert_eq!(batch.contents.len(), batch.size * batch.count, "{name}");
            }
        }
    }
}
