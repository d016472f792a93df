//! Two DTLS endpoints and somebody between them who drops, repeats, changes, swaps and adds datagrams.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use webrtc_direct_engine::dtls::{Endpoint, Event, is_client_hello, looks_like_dtls};

use super::peer::{Kept, identity};
use super::script::{Script, patch};

/// Steps.
pub const DELIVER: u8 = 0;
pub const CHANGE: u8 = 1;
pub const REPEAT: u8 = 2;
pub const DROP: u8 = 3;
pub const INJECT: u8 = 4;
pub const WAIT: u8 = 5;
pub const SEND: u8 = 6;
pub const FINISH: u8 = 7;
const STEPS: u8 = 8;

struct End {
    endpoint: Endpoint,
    out: Kept,
    /// What it has sent, oldest first, and how much of it the other end was given.
    sent: Vec<Vec<u8>>,
    delivered: usize,
    said: HashSet<Vec<u8>>,
    heard: usize,
    certified: bool,
    dead: bool,
}

impl End {
    fn new(is_client: bool, now: Instant) -> Self {
        Self {
            endpoint: Endpoint::new(&identity().0, is_client, now),
            out: Kept::default(),
            sent: Vec::new(),
            delivered: 0,
            said: HashSet::new(),
            heard: 0,
            certified: false,
            dead: false,
        }
    }

    /// Take a datagram, unless an error has ended this end.
    fn take(&mut self, datagram: &[u8]) {
        let _ = (looks_like_dtls(datagram), is_client_hello(datagram));
        if !self.dead {
            self.dead = self.endpoint.handle_datagram_untrusted(datagram, &mut self.out).is_err();
        }
    }

    fn wait(&mut self, now: Instant) {
        if !self.dead {
            self.dead = self.endpoint.handle_timeout(now, &mut self.out).is_err();
        }
    }

    fn say(&mut self, number: usize) {
        let data = format!("message {number}").into_bytes();
        self.said.insert(data.clone());
        if !self.dead {
            // Before the handshake is done it is refused.
            let _ = self.endpoint.send(&data, &mut self.out);
        }
    }

    /// Look at what came out; *said* is what the other end has said, each once.
    fn check(&mut self, said: &HashSet<Vec<u8>>) {
        for event in self.out.events.drain(..) {
            match event {
                Event::PeerCertificate(_) => self.certified = true,
                Event::Connected => assert!(self.certified, "connected without a certificate"),
                Event::CloseNotify => panic!("a close_notify that nobody has sent"),
            }
        }
        for data in self.out.data.drain(..) {
            assert!(said.contains(&data), "data that nobody has sent");
            self.heard += 1;
        }
        assert!(self.heard <= said.len(), "data that was repeated");
        self.sent.append(&mut self.out.datagrams);
        assert!(self.sent.len() < 20_000, "far more is sent than was asked for");
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let datagram = self.sent.get(self.delivered)?.clone();
        self.delivered += 1;
        Some(datagram)
    }
}

pub fn run(data: &[u8]) {
    let mut now = Instant::now();
    let mut ends = [End::new(true, now), End::new(false, now)];
    let mut script = Script::new(data);
    ends[0].wait(now);
    ends[1].wait(now);
    check(&mut ends);
    let mut number = 0;
    while let Some(step) = script.step() {
        let from = usize::from(step >> 7);
        let to = 1 - from;
        match (step & 0x7f) % STEPS {
            DELIVER => {
                if let Some(datagram) = ends[from].next() {
                    ends[to].take(&datagram);
                }
            }
            CHANGE => {
                let change = script.bytes();
                if let Some(mut datagram) = ends[from].next() {
                    patch(&mut datagram, change);
                    ends[to].take(&datagram);
                }
            }
            REPEAT => {
                // To either end: one's own datagrams may come back.
                let which = script.number();
                let change = script.bytes();
                let at = which >> 1;
                if let Some(mut datagram) = ends[from].sent.get(at % ends[from].sent.len().max(1)).cloned() {
                    patch(&mut datagram, change);
                    ends[if which & 1 == 0 { to } else { from }].take(&datagram);
                }
            }
            DROP => {
                ends[from].next();
            }
            INJECT => {
                let datagram = script.bytes();
                ends[to].take(datagram);
            }
            WAIT => {
                now += Duration::from_millis(20 * u64::from(script.byte()));
                ends[0].wait(now);
                ends[1].wait(now);
            }
            SEND => {
                number += 1;
                ends[from].say(number);
            }
            _ => finish(&mut ends),
        }
        check(&mut ends);
    }
}

fn finish(ends: &mut [End; 2]) {
    for _ in 0..12 {
        for from in 0..2 {
            while let Some(datagram) = ends[from].next() {
                ends[1 - from].take(&datagram);
            }
            check(ends);
        }
    }
}

fn check(ends: &mut [End; 2]) {
    let [client, server] = ends;
    client.check(&server.said);
    server.check(&client.said);
}
