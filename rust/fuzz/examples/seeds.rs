//! Makes the inputs to start from: `cargo run --example seeds`, in this directory.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use webrtc_direct_engine::dcep;
use webrtc_direct_engine::stun::{self, IceRole};
use webrtc_direct_fuzz::association::{self, Alone};
use webrtc_direct_fuzz::script::Writer;
use webrtc_direct_fuzz::sctp::{self, Origin, Victim};
use webrtc_direct_fuzz::{dtls, listener};

fn main() -> std::io::Result<()> {
    for (target, seeds) in [
        ("stun", stun_seeds()),
        ("username", username_seeds()),
        ("dcep", dcep_seeds()),
        ("listener", listener_seeds()),
        ("dtls", dtls_seeds()),
        ("association", association_seeds()),
        ("session", session_seeds()),
    ] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        fs::create_dir_all(&directory)?;
        for (name, seed) in seeds {
            fs::write(directory.join(name), seed)?;
        }
    }
    Ok(())
}

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn stun_seeds() -> Seeds {
    let (username, key) = webrtc_direct_fuzz::stun::USERNAME.rsplit_once(':').unwrap();
    let to_server = format!("{username}:{key}");
    let to_client = format!("{key}:{username}");
    let password = username.rsplit_once('/').unwrap().1;
    let nominating = IceRole::Controlling { use_candidate: true };
    let source = "192.0.2.1:4001".parse().unwrap();
    let source6 = "[2001:db8::1]:4001".parse().unwrap();
    vec![
        ("nominating", stun::binding_request([1; 12], &to_server, username, nominating, 1)),
        ("controlled", stun::binding_request([2; 12], &to_client, password, IceRole::Controlled, 2)),
        ("success", stun::binding_success([3; 12], source, username)),
        ("success-ipv6", stun::binding_success([4; 12], source6, username)),
        ("forbidden", stun::binding_error([5; 12], 403, "Forbidden", &[], username)),
        ("unknown", stun::binding_error([6; 12], 420, "Unknown Attribute", &[0x26, 0x27], username)),
    ]
}

fn username_seeds() -> Seeds {
    (0..2)
        .map(|number| (["v2", "v1"][number], listener::username(number).into_bytes()))
        .chain([("other", b"abcd:efgh".to_vec())])
        .collect()
}

fn dcep_seeds() -> Seeds {
    let mut labelled = dcep::open();
    labelled[9] = 5;
    labelled[11] = 3;
    labelled.extend_from_slice(b"labelpro");
    let with = |message: &[u8]| [&[16], message].concat();
    vec![("open", with(&dcep::open())), ("labelled", with(&labelled)), ("ack", with(&dcep::ACK))]
}

fn listener_seeds() -> Seeds {
    use listener::{ACT, ANSWER, CHANGED, CLIENT, DELIVER, RAW, REQUEST, RUN, WAIT};
    let connected = || Writer::default().step(RUN, &[0]);
    vec![
        ("connect", connected().0),
        ("connect-all", (0..4).fold(Writer::default(), |to, client| to.step(RUN, &[client])).0),
        (
            "data-and-close",
            connected()
                .step(ACT, &[0, 0])
                .step(ACT, &[0, 9])
                .step(RUN, &[0])
                .step(ACT, &[0, 0x85])
                .step(RUN, &[0])
                .step(ACT, &[0, 6])
                .step(RUN, &[0])
                .step(WAIT, &[255])
                .0,
        ),
        (
            "requests",
            Writer::default()
                .step_with(REQUEST, &[5, 4], &[0x80, 0x2a, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0x25, 0, 0])
                .step_with(REQUEST, &[6, 5], &[0x80, 0x2a, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1])
                .step(ANSWER, &[6, 5])
                .step_with(REQUEST, &[7, 0], &[0x80, 0x29, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1])
                .step_with(REQUEST, &[7, 0], &[0, 0x26, 0, 0])
                .step_with(RAW, &[7], &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
                .0,
        ),
        (
            "under-pressure",
            (0..4)
                .fold(Writer::default(), |to, client| {
                    to.step(CLIENT, &[client]).step_with(DELIVER, &[client], &[])
                })
                .step(CLIENT, &[0])
                .step(CLIENT, &[1])
                .step(CLIENT, &[2])
                .step(ANSWER, &[2, 2])
                .step(CLIENT, &[3])
                .step(WAIT, &[100])
                .step(RUN, &[2])
                .0,
        ),
        (
            "moved",
            connected()
                .step_with(REQUEST, &[4, 0], &[0x80, 0x2a, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1])
                .step(ANSWER, &[4, 0])
                .step(ACT, &[0, 5])
                .step_with(CHANGED, &[0, 4], &[])
                .step(ACT, &[0, 0x85])
                .0,
        ),
        (
            "again-from-the-same-address",
            connected()
                .step(ACT, &[0, 7])
                .step_with(REQUEST, &[0, 0], &[0x80, 0x2a, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0x25, 0, 0])
                .step_with(REQUEST, &[0, 4], &[0x80, 0x2a, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0x25, 0, 0])
                .0,
        ),
    ]
}

fn dtls_seeds() -> Seeds {
    use dtls::{CHANGE, DELIVER, DROP, FINISH, INJECT, REPEAT, SEND, WAIT};
    const BACK: u8 = 0x80;
    let slow = || {
        (0..6).fold(Writer::default(), |to, _| {
            to.step(DELIVER, &[]).step(DELIVER, &[]).step(DELIVER | BACK, &[]).step(DELIVER | BACK, &[])
        })
    };
    vec![
        ("handshake", slow().step(SEND, &[]).step(SEND | BACK, &[]).step(FINISH, &[]).0),
        (
            "lossy",
            Writer::default()
                .step(DROP, &[])
                .step(WAIT, &[20])
                .step(DELIVER, &[])
                .step(DROP | BACK, &[])
                .step(WAIT, &[20])
                .step_with(REPEAT, &[0, 0], &[])
                .step(FINISH, &[])
                .step(WAIT, &[50])
                .step(FINISH, &[])
                .step(SEND, &[])
                .step(FINISH, &[])
                .0,
        ),
        (
            "changed",
            slow()
                .step(SEND, &[])
                .step_with(CHANGE, &[], &[0, 10, 1])
                .step(SEND | BACK, &[])
                .step_with(CHANGE | BACK, &[], &[0, 3, 1, 0, 20, 1])
                .step_with(REPEAT, &[0, 9], &[0, 5, 1])
                .0,
        ),
        (
            "hello-changed",
            Writer::default().step_with(CHANGE, &[], &[0, 26, 1]).step(WAIT, &[20]).step(FINISH, &[]).0,
        ),
        (
            "injected",
            Writer::default()
                .step(FINISH, &[])
                .step_with(INJECT, &[], &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40])
                .step_with(INJECT, &[], &[20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1])
                .step_with(INJECT | BACK, &[], &[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 3, 1, 2, 3])
                .step(SEND, &[])
                .step(FINISH, &[])
                .0,
        ),
    ]
}

/// Two associations talk; what the peer of *start*'s says is written down.
fn recorded(start: u8) -> Vec<u8> {
    let now = Instant::now();
    let is_client = start == association::CLIENT;
    let (mut victim, mut peer) = (Alone::new(is_client, now), Alone::new(!is_client, now));
    victim.keep = true;
    peer.keep = true;
    if is_client {
        victim.connect()
    } else {
        peer.connect()
    }
    let mut origin = Origin::default();
    let mut writer = Writer(vec![start]);
    for round in 0..14 {
        match round {
            3 => {
                peer.open(2);
                peer.send(2, vec![vec![1; 40], vec![2; 2500]]);
                peer.send(0, vec![b"noise".to_vec()]);
                victim.open(2);
                victim.send(2, vec![vec![3; 3000]]);
                writer = writer.step(sctp::OPEN, &[]).step(sctp::SEND, &[2, 0x0b, 0xb7]);
            }
            7 => {
                peer.close(2);
            }
            9 => {
                victim.close(2);
                writer = writer.step(sctp::CLOSE, &[2]);
            }
            10 => {
                peer.open(4);
                peer.send(4, vec![vec![4; 10]]);
                writer = writer.step(sctp::CONSUME, &[]);
            }
            _ => {}
        }
        peer.flush();
        for mut packet in std::mem::take(&mut peer.packets) {
            origin.observe(&packet, true);
            victim.packet(&packet);
            // The handshake is there before a script begins.
            if !matches!(packet[12], 1 | 2 | 10 | 11) {
                origin.shift(&mut packet, false);
                writer = writer.step_with(sctp::PACKET, &[], &packet[12..]);
            }
        }
        victim.flush();
        for packet in std::mem::take(&mut victim.packets) {
            origin.observe(&packet, false);
            peer.packet(&packet);
        }
        peer.wait(std::time::Duration::from_millis(30));
        victim.wait(std::time::Duration::from_millis(30));
        writer = writer.step(sctp::WAIT, &[3]);
    }
    writer.0
}

/// What peers send seldom or never, after the handshake.
fn hostile() -> Seeds {
    let open = sctp::data(0, 2, 0, 3, 50, &dcep::open());
    let second_open = sctp::data(1, 2, 1, 3, 50, &dcep::open());
    let sack_with = |gaps: &[u8], duplicates: &[u8]| {
        let (length, count) = (gaps.len() + duplicates.len(), duplicates.len() as u8 / 4);
        let mut chunk = vec![3, 0, 0, 16 + length as u8, 255, 255, 255, 255, 0, 1, 0, 0];
        chunk.extend_from_slice(&[0, gaps.len() as u8 / 4, 0, count]);
        chunk.extend_from_slice(gaps);
        chunk.extend_from_slice(duplicates);
        chunk
    };
    let sack = |gaps: &[u8]| sack_with(gaps, &[]);
    let send = |to: Writer| to.step(sctp::OPEN, &[]).step(sctp::SEND, &[2, 0x3f, 0xff]);
    vec![
        (
            "open-twice",
            Writer::default()
                .step_with(sctp::PACKET, &[], &open)
                .step_with(sctp::PACKET, &[], &second_open)
                .0,
        ),
        (
            "gaps",
            send(Writer::default())
                .step_with(sctp::PACKET, &[], &sack(&[0, 3, 0, 5, 0, 8, 0, 9]))
                .step_with(sctp::PACKET, &[], &sack(&[0, 9, 0, 3, 0, 0, 255, 255]))
                .step(sctp::WAIT, &[255])
                .0,
        ),
        (
            // What was sent again had arrived; and TSNs that were never sent again, or never sent.
            "duplicates",
            send(Writer::default())
                .step_with(sctp::PACKET, &[], &sack(&[0, 5, 0, 12]))
                .step(sctp::WAIT, &[100])
                .step_with(
                    sctp::PACKET,
                    &[],
                    &sack_with(&[0, 2, 0, 12], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 255, 255, 255, 255]),
                )
                .step(sctp::SEND, &[2, 0x3f, 0xff])
                .step(sctp::WAIT, &[255])
                .0,
        ),
        (
            // Every other TSN is missing, until what is held is full.
            "every-other-tsn",
            (0..7u32)
                .fold(Writer::default(), |to, run| {
                    let chunk = sctp::data(1024 * run + 1, 0, 0, 7, 53, b"beyond a gap");
                    to.step_with(sctp::MANY, &[1, 255, 2], &chunk)
                })
                .step(sctp::CONSUME, &[])
                .step_with(sctp::PACKET, &[], &sctp::data(0, 0, 0, 7, 53, b"the first"))
                .0,
        ),
        (
            "reset-all",
            Writer::default()
                .step_with(sctp::PACKET, &[], &open)
                .step_with(sctp::PACKET, &[], &sctp::outgoing_reset(0, 0, &[]))
                .step_with(sctp::PACKET, &[], &sctp::outgoing_reset(1, 9, &[2, 4]))
                .0,
        ),
        (
            "bulk-unread",
            Writer::default()
                .step(sctp::BULK, &[0, 0, 0, 0, 0, 0, 2, 0, 4, 0, 3])
                .step(sctp::CONSUME, &[])
                .step(sctp::BULK, &[2, 0, 0, 0, 2, 0, 0, 64, 4, 0, 3])
                .0,
        ),
        (
            "fragments",
            Writer::default()
                .step(sctp::BULK, &[0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 4])
                .step_with(sctp::PACKET, &[], &sctp::data(0, 0, 0, 2, 53, b"begin"))
                .0,
        ),
        (
            "forward",
            Writer::default()
                .step_with(sctp::PACKET, &[], &[192, 0, 0, 12, 0, 0, 0, 9, 0, 0, 0, 1])
                .step_with(sctp::PACKET, &[], &sctp::data(12, 0, 3, 3, 53, b"later"))
                .0,
        ),
        (
            "control",
            Writer::default()
                .step_with(sctp::PACKET, &[], &[4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4])
                .step_with(sctp::PACKET, &[], &[9, 0, 0, 8, 0, 3, 0, 4])
                .step_with(sctp::WRONG_TAG, &[1], &[6, 0, 0, 4])
                .step_with(sctp::PACKET, &[], &[7, 0, 0, 8, 255, 255, 255, 255])
                .step_with(sctp::PACKET, &[], &[14, 0, 0, 4])
                .0,
        ),
        ("abort", Writer::default().step_with(sctp::PACKET, &[], &[6, 0, 0, 8, 0, 12, 0, 4]).0),
        (
            "init-again",
            Writer::default()
                .step_with(
                    sctp::WRONG_TAG,
                    &[0],
                    &[1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0, 255, 255, 255, 255, 0, 0, 0, 7],
                )
                .step_with(sctp::PACKET, &[], &[10, 0, 0, 4])
                .step_with(sctp::PACKET, &[], &[11, 0, 0, 4])
                .0,
        ),
    ]
}

fn association_seeds() -> Seeds {
    let init = [1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0, 255, 255, 255, 255, 0, 0, 0, 7];
    let mut init_ack = init.to_vec();
    init_ack[0] = 2;
    init_ack[3] = 28;
    init_ack.extend_from_slice(&[0, 7, 0, 8, 1, 2, 3, 4]);
    let mut seeds = vec![
        ("recorded-at-server", recorded(association::SERVER)),
        ("recorded-at-client", recorded(association::CLIENT)),
        (
            "fresh-server",
            Writer(vec![association::FRESH_SERVER])
                .step_with(sctp::PACKET, &[], &init)
                .step_with(sctp::PACKET, &[], &[10, 0, 0, 8, 1, 2, 3, 4])
                .0,
        ),
        (
            "fresh-client",
            Writer(vec![association::FRESH_CLIENT])
                .step_with(sctp::PACKET, &[], &init_ack)
                .step_with(sctp::PACKET, &[], &[11, 0, 0, 4])
                .0,
        ),
    ];
    seeds.extend(
        hostile().into_iter().map(|(name, script)| (name, [&[association::SERVER], &script[..]].concat())),
    );
    seeds
}

fn session_seeds() -> Seeds {
    let mut seeds = hostile();
    seeds.push(("recorded", recorded(association::SERVER).split_off(1)));
    seeds
}
