//! The fragments of one stream, and how they become messages (RFC 9260 section 6.9).
//!
//! The fragments of a message have consecutive TSNs, and the messages of a stream follow each other in TSNs as in
//! their sequence numbers. So ordered fragments are taken in the order of their TSNs; where one is
//! missing, those behind it wait.

use std::collections::BTreeMap;

use crate::event::Message;
use crate::packet::chunk::flag;

/// What a waiting fragment is charged beside its payload: it costs that much.
pub(super) const FRAGMENT_OVERHEAD: usize = 64;

/// A fragment that waits.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) flags: u8,
    pub(super) ssn: u16,
    pub(super) ppid: u32,
    pub(super) payload: Vec<u8>,
}

impl Fragment {
    fn charge(&self) -> usize {
        self.payload.len() + FRAGMENT_OVERHEAD
    }
}

/// A message of which the first fragments are here.
#[derive(Debug)]
struct Partial {
    last_tsn: u64,
    ppid: u32,
    payload: Vec<u8>,
    is_oversized: bool,
}

impl Partial {
    /// Append a fragment. What is too long is not kept.
    fn append(&mut self, payload: &[u8], most: usize) {
        if self.is_oversized || self.payload.len() + payload.len() > most {
            self.is_oversized = true;
            self.payload = Vec::new();
        } else {
            self.payload.extend_from_slice(payload);
        }
    }

    fn into_message(self, stream: u16) -> Message {
        Message { stream, ppid: self.ppid, payload: self.payload, is_oversized: self.is_oversized }
    }
}

/// A peer's fragments that make no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inconsistent;

/// One stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    next_ssn: u16,
    partial: Option<Partial>,
    waiting: BTreeMap<u64, Fragment>,
    unordered: Unordered,
    /// The peer has reset the stream after this TSN, and not all up to it has come.
    reset_after: Option<u64>,
    charged: usize,
}

impl Stream {
    /// What its fragments and incomplete messages are charged.
    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    /// Whether nothing is known of it that a new stream would not know.
    pub(super) fn is_blank(&self) -> bool {
        self.next_ssn == 0
            && self.partial.is_none()
            && self.waiting.is_empty()
            && self.unordered.is_empty()
            && self.reset_after.is_none()
    }

    /// Take a fragment; hand the messages that are complete now to *done*.
    pub(super) fn add(
        &mut self,
        id: u16,
        tsn: u64,
        fragment: (u8, u16, u32, &[u8]),
        most: usize,
        done: &mut dyn FnMut(Message),
    ) -> Result<(), Inconsistent> {
        let (flags, ssn, ppid, payload) = fragment;
        let keep = || Fragment { flags, ssn, ppid, payload: payload.to_vec() };
        if flags & flag::UNORDERED != 0 {
            self.charged += payload.len() + FRAGMENT_OVERHEAD;
            if let Some((message, charge)) = self.unordered.add(id, tsn, keep(), most) {
                self.charged -= charge;
                done(message);
            }
            return Ok(());
        }
        if self.waiting.is_empty() && self.is_next(tsn, flags, ssn)? {
            return self.append(id, tsn, (flags, ppid, payload), most, done);
        }
        let fragment = keep();
        self.charged += fragment.charge();
        self.waiting.insert(tsn, fragment);
        self.advance(id, most, done)
    }

    /// Whether this fragment follows what is there.
    fn is_next(&self, tsn: u64, flags: u8, ssn: u16) -> Result<bool, Inconsistent> {
        if self.reset_after.is_some_and(|last| tsn > last) {
            return Ok(false);
        }
        let begins = flags & flag::BEGIN != 0;
        match &self.partial {
            Some(partial) if tsn == partial.last_tsn + 1 => {
                if begins {
                    Err(Inconsistent)
                } else {
                    Ok(true)
                }
            }
            Some(_) => Ok(false),
            None => Ok(begins && ssn == self.next_ssn),
        }
    }

    fn append(
        &mut self,
        id: u16,
        tsn: u64,
        (flags, ppid, payload): (u8, u32, &[u8]),
        most: usize,
        done: &mut dyn FnMut(Message),
    ) -> Result<(), Inconsistent> {
        let mut partial = self.partial.take().unwrap_or(Partial {
            last_tsn: tsn,
            ppid,
            payload: Vec::new(),
            is_oversized: false,
        });
        let before = partial.payload.len();
        partial.last_tsn = tsn;
        partial.append(payload, most);
        if flags & flag::END == 0 {
            self.charged = self.charged + partial.payload.len() - before;
            self.partial = Some(partial);
        } else {
            self.charged -= before;
            self.next_ssn = self.next_ssn.wrapping_add(1);
            done(partial.into_message(id));
        }
        Ok(())
    }

    /// Take those that wait and have come to their turn.
    fn advance(&mut self, id: u16, most: usize, done: &mut dyn FnMut(Message)) -> Result<(), Inconsistent> {
        while let Some((tsn, first)) = self.waiting.first_key_value() {
            let tsn = *tsn;
            if !self.is_next(tsn, first.flags, first.ssn)? {
                return Ok(());
            }
            let Some((_, fragment)) = self.waiting.pop_first() else { return Ok(()) };
            self.charged -= fragment.charge();
            self.append(id, tsn, (fragment.flags, fragment.ppid, &fragment.payload), most, done)?;
        }
        Ok(())
    }

    /// The peer resets the stream after *last*: what comes later begins anew, once `reset` is called.
    pub(super) fn hold_after(&mut self, last: u64) {
        self.reset_after = Some(last);
    }

    /// All that came before the reset is here: sequence numbers begin anew.
    pub(super) fn reset(
        &mut self,
        id: u16,
        last: u64,
        most: usize,
        done: &mut dyn FnMut(Message),
    ) -> Result<(), Inconsistent> {
        self.reset_after = None;
        self.next_ssn = 0;
        if let Some(partial) = self.partial.take() {
            self.charged -= partial.payload.len();
        }
        // Fragments from before it will never be whole.
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > last {
                break;
            }
            self.charged -= entry.remove().charge();
        }
        self.charged -= self.unordered.forget_to(last);
        self.advance(id, most, done)
    }
}

/// Fragments whose message has no place in an order, in runs of consecutive TSNs.
#[derive(Debug, Default)]
struct Unordered {
    /// By the first TSN of each run.
    runs: BTreeMap<u64, Run>,
}

#[derive(Debug)]
struct Run {
    last: u64,
    /// By the TSN.
    fragments: BTreeMap<u64, Fragment>,
}

impl Unordered {
    fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Take a fragment; returns the message that it completes, and what that was charged.
    fn add(&mut self, id: u16, tsn: u64, fragment: Fragment, most: usize) -> Option<(Message, usize)> {
        let (begins, ends) = (fragment.flags & flag::BEGIN != 0, fragment.flags & flag::END != 0);
        let mut run = Run { last: tsn, fragments: BTreeMap::from([(tsn, fragment)]) };
        let mut first = tsn;
        // Runs end where messages do.
        if !ends
            && let Some(after) = self.runs.get(&(tsn + 1))
            && !after.begins()
        {
            let after = self.runs.remove(&(tsn + 1))?;
            run = run.join(after);
        }
        if !begins
            && let Some((start, before)) = self.runs.range(..tsn).next_back()
            && before.last + 1 == tsn
            && !before.ends()
        {
            first = *start;
            let before = self.runs.remove(&first)?;
            run = before.join(run);
        }
        if !(run.begins() && run.ends()) {
            self.runs.insert(first, run);
            return None;
        }
        let charge = run.fragments.values().map(Fragment::charge).sum();
        let ppid = run.fragments.values().next().map_or(0, |fragment| fragment.ppid);
        let mut partial = Partial { last_tsn: run.last, ppid, payload: Vec::new(), is_oversized: false };
        for fragment in run.fragments.values() {
            partial.append(&fragment.payload, most);
        }
        Some((partial.into_message(id), charge))
    }

    /// Forget what came before a reset. Returns what that was charged.
    fn forget_to(&mut self, last: u64) -> usize {
        let kept = self.runs.split_off(&(last + 1));
        let gone = std::mem::replace(&mut self.runs, kept);
        gone.values().flat_map(|run| run.fragments.values()).map(Fragment::charge).sum()
    }
}

impl Run {
    fn begins(&self) -> bool {
        self.fragments.values().next().is_some_and(|fragment| fragment.flags & flag::BEGIN != 0)
    }

    fn ends(&self) -> bool {
        self.fragments.values().next_back().is_some_and(|fragment| fragment.flags & flag::END != 0)
    }

    /// Both runs as one; the smaller moves into the larger.
    fn join(mut self, mut after: Self) -> Self {
        let last = after.last;
        if self.fragments.len() < after.fragments.len() {
            after.fragments.extend(self.fragments);
            return Self { last, fragments: after.fragments };
        }
        self.fragments.extend(after.fragments);
        Self { last, fragments: self.fragments }
    }
}
