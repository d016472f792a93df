//! What the caller does with an association: messages, resets, and how it stands.

use bytes::Bytes;

use super::{Association, State};
use crate::event::{Message, Metrics, ResetError, SendError};

impl Association {
    /// Queue a message. It is the caller's to keep within what may be queued (`queued`).
    ///
    /// # Errors
    ///
    /// `SendError` for an empty message, a stream that not both ends have, or an association that has ended.
    pub fn send(
        &mut self,
        stream: u16,
        ppid: u32,
        payload: Bytes,
        is_unordered: bool,
    ) -> Result<(), SendError> {
        if matches!(self.state, State::Closed | State::CookieWait | State::CookieEchoed | State::Established)
        {
            if payload.is_empty() {
                return Err(SendError::Empty);
            }
            if stream >= self.outgoing_streams() {
                return Err(SendError::Stream(stream));
            }
            self.sender.queue.push(stream, ppid, payload, is_unordered);
            return Ok(());
        }
        Err(SendError::Ended)
    }

    /// The next message of the peer's.
    pub fn receive(&mut self) -> Option<Message> {
        let receiver = self.receiver.as_mut()?;
        let message = receiver.reassembly.pop()?;
        receiver.has_been_read(self.config.packet_size);
        Some(message)
    }

    /// How many messages wait for `receive`.
    pub fn waiting(&self) -> usize {
        self.receiver.as_ref().map_or(0, |half| half.reassembly.waiting())
    }

    /// How many messages were complete, ever: those that `receive` has given and those that wait.
    pub fn completed(&self) -> u64 {
        self.receiver.as_ref().map_or(0, |half| half.reassembly.completed())
    }

    /// How many bytes of a stream wait to be sent for the first time.
    pub fn queued(&self, stream: u16) -> usize {
        self.sender.queue.queued(stream)
    }

    /// Reset this end's half of streams (RFC 6525): what is queued on them is forgotten, but for a message that has
    /// begun; what is queued afterwards waits for the answer.
    ///
    /// # Errors
    ///
    /// `ResetError` where no association is up, or the peer cannot.
    pub fn reset(&mut self, streams: &[u16]) -> Result<(), ResetError> {
        if self.state != State::Established {
            return Err(ResetError::NotUp);
        }
        if !self.peer.as_ref().is_some_and(|peer| peer.can_reset_streams) {
            return Err(ResetError::Unsupported);
        }
        for stream in streams {
            self.sender.queue.pause(*stream);
            self.resets.want(*stream);
        }
        Ok(())
    }

    /// Tell the peer at once how much room there is, after a reader that was slow has read.
    pub fn announce_window(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            receiver.acknowledger.force();
        }
    }

    /// Whether it is up.
    pub fn is_established(&self) -> bool {
        self.state == State::Established
    }

    /// Whether the peer has acknowledged all that was queued.
    pub fn is_drained(&self) -> bool {
        self.sender.is_drained()
    }

    /// Whether the peer has acknowledged all that has left.
    pub fn is_acknowledged(&self) -> bool {
        self.sender.is_acknowledged()
    }

    /// Counters and gauges.
    pub fn metrics(&self) -> Metrics {
        let counts = self.sender.counts;
        Metrics {
            round_trip_time: self.sender.round_trip.smoothed().unwrap_or_default(),
            least_round_trip_time: self.sender.round_trip.least().unwrap_or_default(),
            congestion_window: self.sender.window(),
            pacing_rate: self.sender.pacing_rate().unwrap_or_default(),
            in_flight: self.sender.in_flight(),
            peer_window: self.sender.peer_window() as u64,
            receive_window: self.receiver.as_ref().map_or(0, |half| half.window.limit() as u64),
            packet_size: self.sender.packet_size(),
            data_packets: counts.data_packets,
            retransmitted_packets: counts.retransmitted_packets,
            spurious: counts.spurious,
            timeouts: counts.timeouts,
            refused_packets: self.refused_packets,
            sacks: self.sacks,
            outgoing_streams: self.outgoing_streams(),
            incoming_streams: self.incoming_streams(),
        }
    }

    fn outgoing_streams(&self) -> u16 {
        self.peer.as_ref().map_or(self.config.streams, |peer| self.config.streams.min(peer.incoming_streams))
    }

    fn incoming_streams(&self) -> u16 {
        self.peer.as_ref().map_or(self.config.streams, |peer| self.config.streams.min(peer.outgoing_streams))
    }
}
