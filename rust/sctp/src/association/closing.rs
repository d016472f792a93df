//! How an association ends (RFC 9260 section 9).

use std::time::Instant;

use super::{Association, State, cause};
use crate::event::{By, Event};
use crate::packet::chunk::{self, Sack, causes_in_words, kind};
use crate::packet::number32;

/// A SHUTDOWN is said again so often, then the association ends without an answer.
const MAX_REPEATS: u32 = 8;
/// Words that go with an ABORT.
const MAX_WORDS: usize = 128;

impl Association {
    /// End it now, and tell the peer.
    pub fn abort(&mut self, words: &str) {
        self.send_abort(chunk::cause::USER_INITIATED, words);
        self.end(By::Caller, words.to_owned());
    }

    /// End it once everything has arrived.
    pub fn shutdown(&mut self, now: Instant) {
        match self.state {
            State::Established => {
                self.state = State::ShutdownPending;
                self.go_on_closing(now);
            }
            State::Closed | State::CookieWait | State::CookieEchoed => self.abort("closed before it was up"),
            _ => {}
        }
    }

    /// The peer breaks a rule.
    pub(super) fn violate(&mut self, words: &str) {
        self.abort_with(chunk::cause::PROTOCOL_VIOLATION, words);
    }

    /// The peer breaks a rule that has a cause of its own.
    pub(super) fn abort_with(&mut self, cause: u16, words: &str) {
        self.send_abort(cause, words);
        self.end(By::Violation, format!("the peer has sent {words}"));
    }

    /// The path does not carry what there is to send.
    pub(super) fn give_up_path(&mut self, words: String) {
        self.send_abort(chunk::cause::USER_INITIATED, &words);
        self.end(By::Path, words);
    }

    fn shut_down_by(&self) -> By {
        if self.is_shut_down_by_peer { By::Peer } else { By::Caller }
    }

    fn send_abort(&mut self, kind: u16, words: &str) {
        if self.state == State::Ended || self.peer_tag == 0 {
            return;
        }
        let words = &words.as_bytes()[..words.len().min(MAX_WORDS)];
        // Nothing else matters any more.
        self.packets.clear();
        self.push_packet(self.peer_tag, |writer, _| {
            writer.chunk(kind::ABORT, 0, |out| cause(out, kind, words));
        });
    }

    fn end(&mut self, by: By, words: String) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.timer = None;
            self.events.push_back(Event::Ended { by, words });
        }
    }

    pub(super) fn take_abort_untrusted(&mut self, value: &[u8]) {
        let words = format!("ABORT: {}", causes_in_words(value));
        self.packets.clear();
        self.end(By::Peer, words);
    }

    pub(super) fn take_shutdown_untrusted(&mut self, value: &[u8], now: Instant) {
        let Some(cumulative) = number32(value, 0).filter(|_| self.receiver.is_some()) else { return };
        match self.state {
            State::Established | State::ShutdownPending => {
                self.state = State::ShutdownReceived;
                self.is_shut_down_by_peer = true;
            }
            // Both ends have begun to close (section 9.2).
            State::ShutdownSent | State::ShutdownAckSent => {
                self.send_shutdown_ack(now);
                return;
            }
            _ => {}
        }
        let window = self.sender.peer_window() as u32;
        self.acknowledge(&Sack::of_shutdown(cumulative, window), now);
    }

    /// Say the next thing that closing asks for, once everything has arrived.
    pub(super) fn go_on_closing(&mut self, now: Instant) {
        if !self.sender.is_drained() {
            return;
        }
        match self.state {
            State::ShutdownPending => {
                self.state = State::ShutdownSent;
                self.send_shutdown(now);
            }
            State::ShutdownReceived => self.send_shutdown_ack(now),
            _ => {}
        }
    }

    fn send_shutdown(&mut self, now: Instant) {
        let cumulative = self.receiver.as_ref().map_or(0, |half| half.acknowledger.cumulative());
        self.push_packet(self.peer_tag, |writer, _| {
            writer.chunk(kind::SHUTDOWN, 0, |out| out.extend_from_slice(&(cumulative as u32).to_be_bytes()));
        });
        self.timer = Some(now + self.patience(self.repeats));
    }

    fn send_shutdown_ack(&mut self, now: Instant) {
        self.state = State::ShutdownAckSent;
        self.push_packet(self.peer_tag, |writer, _| writer.chunk(kind::SHUTDOWN_ACK, 0, |_| ()));
        self.timer = Some(now + self.patience(self.repeats));
    }

    /// T1 or T2 has expired.
    pub(super) fn repeat(&mut self, now: Instant) {
        self.timer = None;
        match self.state {
            State::CookieWait | State::CookieEchoed => self.repeat_handshake(now),
            State::ShutdownSent | State::ShutdownAckSent if self.repeats >= MAX_REPEATS => {
                self.end(self.shut_down_by(), "SHUTDOWN, which the peer has not confirmed".to_owned());
            }
            State::ShutdownSent => {
                self.repeats += 1;
                self.send_shutdown(now);
            }
            State::ShutdownAckSent => {
                self.repeats += 1;
                self.send_shutdown_ack(now);
            }
            _ => {}
        }
    }

    pub(super) fn take_shutdown_ack(&mut self) {
        if matches!(self.state, State::ShutdownSent | State::ShutdownAckSent) {
            self.send_shutdown_complete();
            self.end(self.shut_down_by(), "SHUTDOWN".to_owned());
        }
    }

    /// Also after the end, for a peer that has not got it (RFC 9260 section 8.4).
    pub(super) fn send_shutdown_complete(&mut self) {
        self.push_packet(self.peer_tag, |writer, _| writer.chunk(kind::SHUTDOWN_COMPLETE, 0, |_| ()));
    }

    pub(super) fn take_shutdown_complete(&mut self) {
        if self.state == State::ShutdownAckSent {
            self.end(By::Peer, "SHUTDOWN".to_owned());
        }
    }
}
