//! How a connection ends: for which reason, with which goodbye, and what a handshake that failed is counted as.

use std::time::{Duration, Instant};

use super::{Event, Phase, Reason, Session};
use crate::dtls;
use crate::failure::{Failure, alert_words};

/// Nothing acknowledges a goodbye, so it is said again after each of these.
const FAREWELLS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(150)];

impl Session {
    /// End it now, for a *reason* of the caller's.
    pub fn end(&mut self, reason: Reason, detail: String) {
        if self.phase == Phase::Closed {
            return;
        }
        if let Some(association) = &mut self.association {
            // What has arrived is the reader's, whatever its budget says.
            association.deliver_all();
        }
        let (reason, detail) = match (reason, self.translate_events()) {
            // An ABORT came with it, and that says more.
            (Reason::Remote, Some(said)) => said,
            _ => (reason, detail),
        };
        let was_up = self.phase >= Phase::Associating;
        self.fail(reason);
        self.phase = Phase::Closed;
        self.wire.kept = Some(Vec::new());
        if let Some(association) = &mut self.association {
            association.abort();
            let mut packet = Vec::new();
            while association.next_packet(&mut packet) {
                // The connection is over whether or not this leaves.
                let _ = self.dtls.send(&packet, &mut self.wire);
            }
        }
        self.dtls.close(&mut self.wire);
        if was_up && !matches!(reason, Reason::Remote | Reason::Timeout) {
            self.farewell = Some((self.now + FAREWELLS[0], 0));
        }
        self.association = None;
        self.checker = None;
        self.watch.rest();
        self.events.push_back(Event::Closed(reason, detail));
    }

    /// Note why the handshake failed, and tell a client that is where it says it is.
    fn fail(&mut self, reason: Reason) {
        if self.checker.is_some() {
            return;
        }
        self.failure = match (self.phase, reason) {
            (_, Reason::Local) => None,
            (Phase::Securing, Reason::Timeout) if self.dtls.alert().is_some() => Some(Failure::DtlsAlert),
            (Phase::Securing, Reason::Timeout) => Some(Failure::DtlsTimeout),
            (Phase::Securing, Reason::Limit) => Some(Failure::DtlsCertificateSize),
            (Phase::Securing, _) => self.dtls_failure.or(Some(Failure::DtlsOther)),
            (Phase::Associating, Reason::Timeout) => Some(Failure::SctpTimeout),
            (Phase::Associating, Reason::Remote) => Some(Failure::SctpClosed),
            (Phase::Associating, _) => Some(Failure::SctpOther),
            _ => None,
        };
        if let (Some(alert), None) = (self.failure.and_then(Failure::alert), self.wire.allowance) {
            self.wire.send(&dtls::fatal_alert(alert));
        }
    }

    pub(super) fn say_farewell(&mut self) {
        let Some((at, number)) = self.farewell else { return };
        if self.now < at {
            return;
        }
        for datagram in self.wire.kept.take().unwrap_or_default() {
            self.wire.kept.get_or_insert_default();
            self.wire.send(&datagram);
        }
        self.farewell = FAREWELLS.get(number + 1).map(|wait| (self.now + *wait, number + 1));
    }

    pub(super) fn check_deadlines(&mut self, now: Instant) {
        match self.phase {
            Phase::Checking | Phase::Securing | Phase::Associating if now >= self.deadline => {
                let step = match self.phase {
                    Phase::Checking => "ICE: no answer from the peer",
                    Phase::Securing => "DTLS did not finish",
                    _ => "SCTP did not finish",
                };
                let alert = self.dtls.alert().filter(|_| self.phase == Phase::Securing);
                let said = alert.map_or(String::new(), |alert| alert_words(alert, self.checker.is_none()));
                self.end(Reason::Timeout, format!("{step}{said}"));
            }
            Phase::Closing if now >= self.deadline => {
                self.end(Reason::Local, "closed by this end before everything was acknowledged".to_owned());
            }
            Phase::Connected if now >= self.last_heard + self.config.silence_timeout => {
                let seconds = self.config.silence_timeout.as_secs_f64();
                self.end(Reason::Timeout, format!("nothing heard from the peer for {seconds} s"));
            }
            _ => {}
        }
    }
}
