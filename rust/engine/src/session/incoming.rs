//! What the peer sends, from the datagram to the association, and the steps that it completes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;

use super::{Event, Phase, Reason, Session};
use crate::association::{self, Association};
use crate::dtls;
use crate::ice::Outcome;
use crate::route::Route;
use crate::stun;

impl Session {
    /// Take a datagram. Call `flush` after the last of a batch.
    ///
    /// For a server the listener vouches that its source belongs to this connection.
    pub fn handle_datagram_untrusted(&mut self, from: impl Into<Route>, datagram: &[u8], now: Instant) {
        let route = from.into();
        if self.phase == Phase::Closed {
            return;
        }
        if stun::looks_like_stun(datagram) {
            self.handle_stun_untrusted(route.remote, datagram, now);
        } else if dtls::looks_like_dtls(datagram)
            && self.phase > Phase::Checking
            && (self.checker.is_none() || route.remote == self.wire.remote)
        {
            self.wire.received(datagram.len());
            let result = self.dtls.handle_datagram_untrusted(datagram, &mut self.wire);
            if !self.wire.data.is_empty() {
                self.heard_from(route, now);
            }
            self.after_dtls(result, now);
        }
    }

    /// The datagrams that follow came as one piece, a train of so many.
    pub fn expect_train(&mut self, datagrams: usize) {
        if let Some(association) = &mut self.association {
            association.expect_train(datagrams);
        }
    }

    fn handle_stun_untrusted(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) {
        let Some(checker) = &mut self.checker else {
            return;
        };
        match checker.handle_untrusted(source, datagram, now) {
            Outcome::Ignored => return,
            Outcome::Answer { response, unusual } => {
                self.wire.send(&response);
                if let Some(check) = checker.poll(now) {
                    self.wire.send(&check);
                }
                self.probe_if_quiet();
                if unusual {
                    self.doubt_server(now);
                }
            }
            // A server may take whoever checks and says no hello for one of the past; the hello is on its way.
            Outcome::Revoked if self.phase == Phase::Securing && !self.dtls.has_heard() => {}
            Outcome::Revoked => {
                let detail = "the peer has closed this connection or does not know it any more (ICE 403)";
                self.end(Reason::Remote, detail.to_owned());
            }
            Outcome::Consent => {
                // No sign that the peer still has this connection: whoever listens at its port after it
                // answers checks as well. Only what is decrypted is.
                self.probe_if_quiet();
                if self.phase == Phase::Checking {
                    self.phase = Phase::Securing;
                    self.events.push_back(Event::Answered);
                    self.times.ice = Some(self.end_step(now));
                    let result = self.dtls.handle_timeout(now, &mut self.wire);
                    self.after_dtls(result, now);
                }
            }
        }
        self.wire.received(datagram.len());
    }

    /// The peer's data was decrypted, and is no replay: it is on this route now.
    fn heard_from(&mut self, route: Route, now: Instant) {
        let was_quiet = now.saturating_duration_since(self.last_heard) >= self.config.quiet;
        self.last_heard = now;
        let is_client = self.checker.is_some();
        let moved = self.wire.take(if is_client { route.remote.into() } else { route });
        let Some(association) = &mut self.association else { return };
        if moved && was_quiet {
            association.probe();
        }
        if is_client {
            // A peer that only says that it is there has nothing under way.
            if self.wire.data.iter().all(|packet| association::is_heartbeat(packet)) {
                self.watch.rest();
            } else {
                self.watch.start(association.quiet(self.config.quiet), now);
            }
        }
    }

    /// A check was answered; if it was made because nothing was heard, ask the peer to speak.
    fn probe_if_quiet(&mut self) {
        if let Some(association) = &mut self.association
            && self.watch.take_probe()
        {
            association.probe();
        }
    }

    /// Let the server say something that only the peer can say; if it does not, check soon.
    ///
    /// A process that was started in its place learns of this connection by both, and says so.
    fn doubt_server(&mut self, now: Instant) {
        if let Some(association) = &mut self.association
            && self.phase == Phase::Connected
        {
            association.probe();
            self.watch.start(association.quiet(self.config.quiet), now);
        }
    }

    fn end_step(&mut self, now: Instant) -> Duration {
        let took = now.saturating_duration_since(self.step_started);
        self.step_started = now;
        took
    }

    pub(super) fn after_dtls(&mut self, result: Result<(), dtls::Error>, now: Instant) {
        for event in std::mem::take(&mut self.wire.events) {
            match event {
                dtls::Event::PeerCertificate(der) => self.check_certificate(&der),
                dtls::Event::Connected if self.phase == Phase::Securing => self.associate(now),
                dtls::Event::Connected => {}
                dtls::Event::CloseNotify => {
                    self.feed_association();
                    self.end(Reason::Remote, "DTLS close_notify".to_owned());
                }
            }
        }
        self.feed_association();
        if let Err(error) = result {
            self.dtls_failure = Some(error.failure);
            self.end(Reason::Protocol, error.words);
        }
    }

    fn check_certificate(&mut self, der: &[u8]) {
        if der.len() > self.config.max_certificate {
            let detail = format!("the peer's certificate has {} bytes", der.len());
            self.end(Reason::Limit, detail);
            return;
        }
        let received = digest::digest(&digest::SHA256, der);
        self.fingerprint.copy_from_slice(received.as_ref());
        if self.expected.is_some_and(|expected| expected != self.fingerprint) {
            let detail = "the peer's certificate is not the one that the address names";
            self.end(Reason::Fingerprint(self.fingerprint), detail.to_owned());
        }
    }

    fn associate(&mut self, now: Instant) {
        self.phase = Phase::Associating;
        self.times.dtls = Some(self.end_step(now));
        // Its flight ends with what only the receiver of ours can know.
        self.validate();
        let mut association = Association::new(&self.config, self.checker.is_some(), self.seed, now);
        if self.checker.is_some() {
            association.connect();
        }
        self.association = Some(association);
    }

    fn feed_association(&mut self) {
        if let Some(association) = &mut self.association {
            for packet in self.wire.data.drain(..) {
                association.handle_packet_untrusted(&packet);
            }
        }
    }
}
