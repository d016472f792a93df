//! Chunks that were sent and that the peer has not yet acknowledged cumulatively.

use std::collections::{BTreeSet, VecDeque};

use super::queue::Piece;
use crate::packet::chunk::DATA_HEADER;
use crate::ranges::Ranges;
use crate::rate::Stamp;

/// Where a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    InFlight,
    /// Neither on its way any more nor known to be lost: the peer's SACKs cannot tell of it yet.
    Unknown,
    /// Taken for lost; it waits to be sent again.
    Lost,
    /// Acknowledged by a gap block.
    Acknowledged,
}

/// Room for so many chunks stays when none is outstanding: an idle association costs little.
const ROOM_WHEN_IDLE: usize = 16;

/// One of them.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) piece: Piece,
    pub(crate) stamp: Stamp,
    pub(crate) state: State,
    pub(crate) transmissions: u32,
    /// Counts transmissions of all chunks: which one was sent later.
    pub(crate) number: u64,
}

impl Chunk {
    /// What it takes of a packet, in bytes.
    pub(crate) fn size(&self) -> u64 {
        size_of(self.piece.payload.len())
    }
}

/// What a chunk with so much payload takes of a packet, in bytes.
pub(crate) fn size_of(payload: usize) -> u64 {
    (DATA_HEADER + payload.next_multiple_of(4)) as u64
}

/// All of them, by TSN.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// TSN of the first one.
    first: u64,
    chunks: VecDeque<Chunk>,
    /// Those that wait to be sent again.
    lost: BTreeSet<u64>,
    /// Those beyond the cumulative TSN that are acknowledged.
    acknowledged: Ranges,
    acknowledged_count: usize,
    in_flight: u64,
    /// Payload that the peer may not have yet, in bytes: what its window is for.
    unacknowledged: usize,
}

impl Outstanding {
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            chunks: VecDeque::new(),
            lost: BTreeSet::new(),
            acknowledged: Ranges::default(),
            acknowledged_count: 0,
            in_flight: 0,
            unacknowledged: 0,
        }
    }

    /// The first TSN that is not acknowledged cumulatively.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The TSN that the next new chunk gets.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.chunks.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// How many chunks are acknowledged by gap blocks.
    pub(crate) fn acknowledged_count(&self) -> usize {
        self.acknowledged_count
    }

    pub(crate) fn first_lost(&self) -> Option<u64> {
        self.lost.first().copied()
    }

    pub(crate) fn get(&self, tsn: u64) -> Option<&Chunk> {
        self.chunks.get(usize::try_from(tsn.checked_sub(self.first)?).ok()?)
    }

    /// The last one that is in flight.
    pub(crate) fn last_in_flight(&self) -> Option<u64> {
        let at = self.chunks.iter().rposition(|chunk| chunk.state == State::InFlight)?;
        Some(self.first + at as u64)
    }

    /// A new one leaves.
    pub(crate) fn push(&mut self, piece: Piece, stamp: Stamp, number: u64) {
        let chunk = Chunk { piece, stamp, state: State::InFlight, transmissions: 1, number };
        self.in_flight += chunk.size();
        self.unacknowledged += chunk.piece.payload.len();
        self.chunks.push_back(chunk);
    }

    /// One leaves again.
    pub(crate) fn resend(&mut self, tsn: u64, stamp: Stamp, number: u64) -> Option<&Chunk> {
        let at = usize::try_from(tsn.checked_sub(self.first)?).ok()?;
        let chunk = self.chunks.get_mut(at)?;
        if chunk.state == State::Lost {
            self.lost.remove(&tsn);
            self.in_flight += chunk.size();
        }
        chunk.state = State::InFlight;
        chunk.stamp = stamp;
        chunk.number = number;
        chunk.transmissions += 1;
        Some(chunk)
    }

    /// One is not on its way any more, and it is not known whether it has arrived.
    pub(crate) fn set_aside(&mut self, tsn: u64) {
        let Some(at) = tsn.checked_sub(self.first) else { return };
        if let Some(chunk) = self.chunks.get_mut(at as usize).filter(|chunk| chunk.state == State::InFlight) {
            chunk.state = State::Unknown;
            self.in_flight -= chunk.size();
        }
    }

    /// One is taken for lost. Returns its size and its stamp.
    pub(crate) fn lose(&mut self, tsn: u64) -> Option<(u64, Stamp)> {
        let at = usize::try_from(tsn.checked_sub(self.first)?).ok()?;
        let chunk = self.chunks.get_mut(at)?;
        match std::mem::replace(&mut chunk.state, State::Lost) {
            State::InFlight => self.in_flight -= chunk.size(),
            State::Unknown => {}
            before => {
                chunk.state = before;
                return None;
            }
        }
        self.lost.insert(tsn);
        Some((chunk.size(), chunk.stamp))
    }

    /// All up to *cumulative* have arrived. Tells *arrived* of those that are acknowledged for the first time.
    pub(crate) fn acknowledge_to(&mut self, cumulative: u64, mut arrived: impl FnMut(u64, &Chunk)) {
        while self.first <= cumulative {
            let Some(chunk) = self.chunks.pop_front() else { break };
            let tsn = self.first;
            self.first += 1;
            if chunk.state == State::Acknowledged {
                self.acknowledged_count -= 1;
                continue;
            }
            self.settle(tsn, chunk.state, chunk.size(), chunk.piece.payload.len());
            arrived(tsn, &chunk);
        }
        self.acknowledged.remove_to(cumulative);
        if self.chunks.is_empty() {
            self.chunks.shrink_to(ROOM_WHEN_IDLE);
        }
    }

    /// Those from *from* to *to* have arrived, and one before them has not. Tells *arrived* of the new ones.
    pub(crate) fn acknowledge_block(&mut self, from: u64, to: u64, mut arrived: impl FnMut(u64, &Chunk)) {
        let mut runs = Vec::new();
        self.acknowledged.insert(from, to, |from, to| runs.push((from, to)));
        for tsn in runs.into_iter().flat_map(|(from, to)| from..=to) {
            let at = (tsn - self.first) as usize;
            let Some(chunk) = self.chunks.get_mut(at) else { return };
            let state = std::mem::replace(&mut chunk.state, State::Acknowledged);
            let (size, payload) = (chunk.size(), chunk.piece.payload.len());
            self.acknowledged_count += 1;
            self.settle(tsn, state, size, payload);
            // Told as it was before.
            let chunk = &mut self.chunks[at];
            chunk.state = state;
            arrived(tsn, chunk);
            chunk.state = State::Acknowledged;
        }
    }

    fn settle(&mut self, tsn: u64, state: State, size: u64, payload: usize) {
        match state {
            State::InFlight => self.in_flight -= size,
            State::Lost => {
                self.lost.remove(&tsn);
            }
            State::Acknowledged | State::Unknown => {}
        }
        self.unacknowledged -= payload;
    }

    /// The peer has dropped what it had acknowledged by gap blocks (RFC 9260 section 6.2.1): all of that is lost.
    pub(crate) fn renege(&mut self) {
        for (at, chunk) in self.chunks.iter_mut().enumerate() {
            if chunk.state == State::Acknowledged {
                chunk.state = State::Lost;
                self.unacknowledged += chunk.piece.payload.len();
                self.lost.insert(self.first + at as u64);
            }
        }
        self.acknowledged.clear();
        self.acknowledged_count = 0;
    }
}
