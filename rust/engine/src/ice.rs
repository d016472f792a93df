//! ICE of the client (RFC 8445, RFC 7675): one pair, checked, nominated at once, and kept.
//!
//! The server's part is stateless and stands in `listener.rs`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::random::Random;
use crate::stun::{self, Class, IceRole, TransactionId};
use crate::ufrag::Credentials;

/// Until the first answer a check leaves as often as an agent may begin one (Ta of RFC 8445 section 14.2), as browsers
/// do: of a listener in a flood not every one is answered. After `HURRY` twice as long is waited each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const HURRY: Duration = Duration::from_secs(2);
const MAX_WAIT: Duration = Duration::from_millis(500);
/// Requests whose answer is still taken: those of two seconds.
const MAX_OUTSTANDING: usize = 40;

/// What a datagram meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: not authentic, late, or not for this client.
    Ignored,
    /// The server asked; this is the answer.
    Answer {
        /// The response.
        response: Vec<u8>,
        /// The connection is up, and the server has not asked for long: it may be another process, to which
        /// this address is new.
        unusual: bool,
    },
    /// The server answered a check.
    Consent,
    /// The server withdraws its consent (403): it has closed this connection.
    Revoked,
}

/// The client's agent.
#[derive(Debug)]
pub struct Checker {
    credentials: Credentials,
    remote: SocketAddr,
    random: Random,
    tie_breaker: u64,
    outstanding: VecDeque<TransactionId>,
    started: Instant,
    next: Instant,
    wait: Duration,
    consent_interval: Duration,
    /// When the last check was made, and how soon another may be.
    last: Option<Instant>,
    pause: Duration,
    connected: bool,
    was_asked: bool,
    /// When the server asked last while connected. pion does so all the time.
    last_asked: Option<Instant>,
}

impl Checker {
    /// An agent whose first check is due now.
    pub fn new(
        credentials: Credentials,
        remote: SocketAddr,
        config: &Config,
        mut random: Random,
        now: Instant,
    ) -> Self {
        Self {
            credentials,
            remote,
            tie_breaker: random.number(),
            random,
            outstanding: VecDeque::new(),
            started: now,
            next: now,
            wait: FIRST_WAIT,
            consent_interval: config.consent_interval,
            last: None,
            pause: config.check_pause,
            connected: false,
            was_asked: false,
            last_asked: None,
        }
    }

    /// When `poll` has something.
    pub fn timeout(&self) -> Instant {
        self.next
    }

    /// Let the next check be now, or as soon as may be.
    pub fn hurry(&mut self, now: Instant) {
        let soonest = self.last.map_or(now, |last| now.max(last + self.pause));
        self.next = self.next.min(soonest);
    }

    /// The check that is due, if one is.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        let wait = if self.connected {
            // RFC 7675 section 5.1: between 0.8 and 1.2 of the interval.
            let spread = self.random.number() % 401;
            self.consent_interval.mul_f64(0.8 + spread as f64 / 1000.0)
        } else {
            if now >= self.started + HURRY {
                self.wait = (self.wait * 2).min(MAX_WAIT);
            }
            self.wait
        };
        self.next = now + wait;
        self.last = Some(now);
        let id = self.random.transaction_id();
        if self.outstanding.len() == MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(id);
        let role = IceRole::Controlling { use_candidate: true };
        let username = self.credentials.username_to_server();
        Some(stun::binding_request(id, &username, &self.credentials.server_ufrag, role, self.tie_breaker))
    }

    /// Take a STUN datagram from *source*.
    pub fn handle_untrusted(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) -> Outcome {
        let Ok(message) = stun::parse_untrusted(datagram) else {
            return Outcome::Ignored;
        };
        if source != self.remote {
            return Outcome::Ignored;
        }
        match message.class {
            Class::Request => self.answer_untrusted(&message, source, now),
            Class::Success | Class::Error(403) => {
                let Some(at) = self.outstanding.iter().position(|id| *id == message.transaction_id) else {
                    return Outcome::Ignored;
                };
                if !message.is_authentic(self.credentials.server_ufrag.as_bytes()) {
                    return Outcome::Ignored;
                }
                if message.class == Class::Error(403) {
                    return Outcome::Revoked;
                }
                self.outstanding.drain(..=at);
                if !self.connected {
                    self.connected = true;
                    self.outstanding.shrink_to_fit();
                    self.next = now + self.consent_interval;
                }
                Outcome::Consent
            }
            Class::Indication | Class::Error(_) => Outcome::Ignored,
        }
    }

    /// pion and webrtc-rs select a pair only when their own check of it is answered.
    fn answer_untrusted(&mut self, message: &stun::Message<'_>, source: SocketAddr, now: Instant) -> Outcome {
        let expected = self.credentials.username_to_client();
        let key = &self.credentials.client_pwd;
        if message.username != Some(expected.as_bytes()) || !message.is_authentic(key.as_bytes()) {
            return Outcome::Ignored;
        }
        if !self.connected && !self.was_asked {
            // libjuice drops the request that made it start; the next one need not wait for its time.
            self.was_asked = true;
            self.next = now;
        }
        let before = if self.connected { self.last_asked.replace(now) } else { None };
        let unusual = self.connected && before.is_none_or(|before| now >= before + 2 * self.consent_interval);
        Outcome::Answer { response: answer(message, source, &self.credentials.client_pwd), unusual }
    }
}

/// The response to an authentic request.
pub fn answer(message: &stun::Message<'_>, source: SocketAddr, key: &str) -> Vec<u8> {
    let id = message.transaction_id;
    if message.unknown_required.is_empty() {
        stun::binding_success(id, source, key)
    } else {
        stun::binding_error(id, 420, "Unknown Attribute", &message.unknown_required, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "127.0.0.1:4001";

    fn checker(now: Instant) -> Checker {
        let username = b"libp2p+webrtc+v2/abcdefghijklmnopqrstuv:abcd";
        let credentials = Credentials::from_username_untrusted(username).unwrap();
        let remote = SERVER.parse().unwrap();
        Checker::new(credentials, remote, &Config::default(), Random::new([1; 32]), now)
    }

    fn id_of(datagram: &[u8]) -> TransactionId {
        stun::parse_untrusted(datagram).unwrap().transaction_id
    }

    #[test]
    fn checks_repeat_until_one_is_answered() {
        let start = Instant::now();
        let mut checker = checker(start);
        let mut times = Vec::new();
        while times.len() < 46 {
            let now = checker.timeout();
            let check = checker.poll(now).unwrap();
            assert!(checker.poll(now).is_none());
            times.push((now - start).as_millis());
            if times.len() == 46 {
                let credentials = checker.credentials.clone();
                let source = SERVER.parse().unwrap();
                let response = stun::binding_success(id_of(&check), source, &credentials.server_ufrag);
                assert_eq!(checker.handle_untrusted(source, &response, now), Outcome::Consent);
                // An answer counts once.
                assert_eq!(checker.handle_untrusted(source, &response, now), Outcome::Ignored);
                assert_eq!(checker.timeout() - now, Duration::from_secs(5));
            }
        }
        let often = (0..=40).map(|number| number * 50);
        assert!(times.into_iter().eq(often.chain([2100, 2300, 2700, 3200, 3700])));
    }

    #[test]
    fn a_hurried_check_keeps_its_distance_to_the_last() {
        let start = Instant::now();
        let mut checker = checker(start);
        let id = id_of(&checker.poll(start).unwrap());
        let server = SERVER.parse().unwrap();
        let response = stun::binding_success(id, server, &checker.credentials.server_ufrag);
        assert_eq!(checker.handle_untrusted(server, &response, start), Outcome::Consent);
        let soon = start + Duration::from_millis(300);
        for _ in 0..3 {
            checker.hurry(soon);
            assert!(checker.poll(soon).is_none());
            assert_eq!(checker.timeout() - start, Duration::from_secs(1));
        }
        let late = start + Duration::from_secs(3);
        checker.hurry(late);
        assert!(checker.poll(late).is_some() && checker.poll(late).is_none());
    }

    #[test]
    fn only_the_server_with_the_right_key_is_believed() {
        let now = Instant::now();
        let mut checker = checker(now);
        let id = id_of(&checker.poll(now).unwrap());
        let server: SocketAddr = SERVER.parse().unwrap();
        let key = checker.credentials.server_ufrag.clone();
        let response = stun::binding_success(id, server, &key);
        let stranger = "127.0.0.1:9".parse().unwrap();
        assert_eq!(checker.handle_untrusted(stranger, &response, now), Outcome::Ignored);
        let forged = stun::binding_success(id, server, "another key");
        assert_eq!(checker.handle_untrusted(server, &forged, now), Outcome::Ignored);
        let unasked = stun::binding_success([9; 12], server, &key);
        assert_eq!(checker.handle_untrusted(server, &unasked, now), Outcome::Ignored);
        let refused = stun::binding_error(id, 403, "Forbidden", &[], &key);
        assert_eq!(checker.handle_untrusted(server, &refused, now), Outcome::Revoked);
    }

    #[test]
    fn a_question_is_unusual_when_none_came_for_long() {
        let start = Instant::now();
        let mut checker = checker(start);
        let server = SERVER.parse().unwrap();
        let credentials = checker.credentials.clone();
        let ask = |checker: &mut Checker, seconds| {
            let username = credentials.username_to_client();
            let request =
                stun::binding_request([3; 12], &username, &credentials.client_pwd, IceRole::Controlled, 1);
            match checker.handle_untrusted(server, &request, start + Duration::from_secs(seconds)) {
                Outcome::Answer { unusual, .. } => unusual,
                other => panic!("{other:?}"),
            }
        };
        assert!(!ask(&mut checker, 0));
        checker.connected = true;
        let unusual = [1, 3, 5, 7, 20, 22].map(|seconds| ask(&mut checker, seconds));
        assert_eq!(unusual, [true, false, false, false, true, false]);
    }

    #[test]
    fn a_request_of_the_servers_is_answered_and_hurries_the_next_check() {
        let now = Instant::now();
        let mut checker = checker(now);
        checker.poll(now).unwrap();
        let server = SERVER.parse().unwrap();
        let username = checker.credentials.username_to_client();
        let key = checker.credentials.client_pwd.clone();
        let request = stun::binding_request([3; 12], &username, &key, IceRole::Controlled, 1);
        let Outcome::Answer { response, unusual: false } = checker.handle_untrusted(server, &request, now)
        else {
            panic!("no answer");
        };
        let response = stun::parse_untrusted(&response).unwrap();
        assert_eq!((response.class, response.transaction_id), (Class::Success, [3; 12]));
        assert!(response.is_authentic(key.as_bytes()));
        assert!(checker.poll(now).is_some());
        let request = stun::binding_request([3; 12], &username, "wrong", IceRole::Controlled, 1);
        assert_eq!(checker.handle_untrusted(server, &request, now), Outcome::Ignored);
    }
}
