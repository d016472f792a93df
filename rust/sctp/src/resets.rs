//! Resets of streams (RFC 6525): this end's requests, one at a time, and the peer's.

use std::collections::VecDeque;
use std::time::Instant;

use crate::packet::reconfig::result;

/// Streams that one request names; the others wait for the next one, for all of them may fit into no packet.
const MAX_STREAMS: usize = 224;
/// Answers that wait to be sent.
const MAX_ANSWERS: usize = 16;

/// A request that the peer has not answered.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) number: u32,
    pub(crate) last_tsn: u32,
    pub(crate) streams: Vec<u16>,
    attempts: u32,
    /// When it is sent, again if it was before.
    due: Instant,
}

/// A reset of the peer's that waits for what comes before it.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) last_tsn: u64,
    pub(crate) streams: Vec<u16>,
}

/// What an answer means for this end's streams.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Done(Vec<u16>),
    Refused(Vec<u16>),
}

/// Both directions.
#[derive(Debug)]
pub(crate) struct Resets {
    /// Streams to be reset, paused.
    wanted: VecDeque<u16>,
    request: Option<Request>,
    next_number: u32,
    /// The number that the peer's next request has.
    expected: u32,
    /// The last answer to a request of the peer's.
    last_result: u32,
    deferred: Option<Deferred>,
    answers: VecDeque<(u32, u32)>,
}

impl Resets {
    pub(crate) fn new(own_tsn: u32) -> Self {
        Self {
            wanted: VecDeque::new(),
            request: None,
            next_number: own_tsn,
            expected: 0,
            last_result: result::NOTHING_TO_DO,
            deferred: None,
            answers: VecDeque::new(),
        }
    }

    /// The peer counts its requests from its first TSN (RFC 6525 section 5.1.1).
    pub(crate) fn expect(&mut self, first: u32) {
        self.expected = first;
    }

    /// Reset a stream of this end's, which is paused.
    pub(crate) fn want(&mut self, stream: u16) {
        let is_asked = self.request.as_ref().is_some_and(|request| request.streams.contains(&stream));
        if !is_asked && !self.wanted.contains(&stream) {
            self.wanted.push_back(stream);
        }
    }

    /// Begin a request for those that wait and of which no message is under way.
    pub(crate) fn begin(&mut self, last_tsn: u32, is_amid_message: impl Fn(u16) -> bool, now: Instant) {
        if self.request.is_some() || self.wanted.is_empty() {
            return;
        }
        let mut streams = Vec::new();
        self.wanted.retain(|stream| {
            let waits = streams.len() == MAX_STREAMS || is_amid_message(*stream);
            if !waits {
                streams.push(*stream);
            }
            waits
        });
        if streams.is_empty() {
            return;
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.request = Some(Request { number, last_tsn, streams, attempts: 0, due: now });
    }

    /// When the request is sent next.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.request.as_ref().map(|request| request.due)
    }

    /// The request, if it is to be sent now; *wait* says after how long again, by how often it was sent.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        wait: impl Fn(u32) -> std::time::Duration,
    ) -> Option<&Request> {
        let request = self.request.as_mut().filter(|request| request.due <= now)?;
        request.due = now + wait(request.attempts);
        request.attempts += 1;
        Some(request)
    }

    /// The number of the peer's last request that is not in progress. A request of this end's names it, and a peer takes
    /// that for the answer (RFC 6525 section 5.2.2 E1).
    pub(crate) fn last_concluded(&self) -> u32 {
        self.last_answered().wrapping_sub(u32::from(self.deferred.is_some()))
    }

    /// The number of the peer's last request.
    fn last_answered(&self) -> u32 {
        self.expected.wrapping_sub(1)
    }

    /// An answer of the peer's.
    pub(crate) fn take_answer_untrusted(&mut self, number: u32, answer: u32) -> Option<Answered> {
        let request = self.request.as_ref().filter(|request| request.number == number)?;
        if answer == result::IN_PROGRESS {
            // It is asked again by the same number when the timer says so.
            return None;
        }
        let streams = request.streams.clone();
        self.request = None;
        Some(match answer {
            result::NOTHING_TO_DO | result::PERFORMED => Answered::Done(streams),
            _ => Answered::Refused(streams),
        })
    }

    /// A request of the peer's to reset its streams after *last_tsn*. Returns it if it can be performed now or later.
    pub(crate) fn take_request_untrusted(
        &mut self,
        number: u32,
        cumulative: u64,
        request: Deferred,
    ) -> Taken {
        if number == self.last_answered() {
            self.answer(number, self.last_result);
            return Taken::Answered;
        }
        if number != self.expected {
            self.answer(number, result::BAD_SEQUENCE_NUMBER);
            return Taken::Answered;
        }
        if self.deferred.is_some() {
            self.answer(number, result::REQUEST_IN_PROGRESS);
            return Taken::Answered;
        }
        self.expected = number.wrapping_add(1);
        if request.last_tsn > cumulative {
            let streams = request.streams.clone();
            let last_tsn = request.last_tsn;
            self.deferred = Some(request);
            self.conclude(result::IN_PROGRESS);
            return Taken::Deferred { streams, last_tsn };
        }
        self.conclude(result::PERFORMED);
        Taken::Performed(request)
    }

    /// A request of the peer's of another kind: none is taken.
    pub(crate) fn refuse_untrusted(&mut self, number: u32) {
        if number == self.expected {
            self.expected = number.wrapping_add(1);
            self.conclude(result::DENIED);
        } else if number == self.last_answered() {
            self.answer(number, self.last_result);
        } else {
            self.answer(number, result::BAD_SEQUENCE_NUMBER);
        }
    }

    /// The reset of the peer's that waited, if all before it is here.
    pub(crate) fn take_ready(&mut self, cumulative: u64) -> Option<Deferred> {
        self.deferred.as_ref().filter(|deferred| deferred.last_tsn <= cumulative)?;
        self.conclude(result::PERFORMED);
        self.deferred.take()
    }

    /// The next answer to send: number and result.
    pub(crate) fn next_answer(&mut self) -> Option<(u32, u32)> {
        self.answers.pop_front()
    }

    fn conclude(&mut self, answer: u32) {
        self.last_result = answer;
        self.answer(self.last_answered(), answer);
    }

    fn answer(&mut self, number: u32, answer: u32) {
        // The peer asks again.
        if self.answers.len() < MAX_ANSWERS {
            self.answers.push_back((number, answer));
        }
    }
}

/// What becomes of a request of the peer's.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is answered and nothing else.
    Answered,
    Performed(Deferred),
    Deferred {
        streams: Vec<u16>,
        last_tsn: u64,
    },
}
