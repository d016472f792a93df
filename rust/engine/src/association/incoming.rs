//! What the peer does: its messages, the channels that it opens, the streams that it resets.

use webrtc_direct_sctp::{By, Event as Happening, Message};

use super::{Association, Channel, Event};
use crate::dcep;
use crate::event::Reason;
use crate::streams::Carries;

const PPIDS_OF_DATA: [u32; 2] = [51, 53];
const PPIDS_OF_EMPTY: [u32; 2] = [56, 57];
/// Messages that arrive together on one channel are joined up to this size.
const JOIN_LIMIT: usize = 256 * 1024;
/// So many events back a message may find what came on its channel before: senders let their channels take turns.
const JOIN_LOOKS: usize = 16;

impl Association {
    /// Hand over messages until so many bytes or events are reached.
    pub(super) fn take_messages(&mut self, budget: u64, max_events: usize) {
        let most = self.delivered.saturating_add(budget);
        while self.delivered < most && self.events.len() < max_events {
            let Some(message) = self.sctp.receive() else {
                break;
            };
            self.taken += 1;
            self.take_message_untrusted(message);
            self.apply_incoming_resets();
        }
        self.collect();
    }

    /// Take what the association has to say.
    pub(super) fn collect(&mut self) {
        while let Some(event) = self.sctp.next_event() {
            match event {
                Happening::Established => self.events.push_back(Event::Connected),
                Happening::Reset { streams, after } => self.handle_incoming_reset(streams, after),
                Happening::ResetDone(ids) => {
                    for id in ids {
                        self.finish_reset(id);
                    }
                }
                Happening::ResetRefused(ids) => {
                    for id in ids {
                        self.retry_reset(id);
                    }
                }
                Happening::Ended { by, words } => {
                    // What arrived before it was acknowledged, so it is the reader's.
                    self.deliver_all();
                    let reason = match by {
                        By::Peer => Reason::Remote,
                        By::Violation => Reason::Protocol,
                        By::Caller => Reason::Local,
                        By::Path => Reason::Timeout,
                    };
                    self.events.push_back(Event::Ended(reason, format!("SCTP {words}")));
                }
            }
        }
    }

    fn take_message_untrusted(&mut self, message: Message) {
        let Message { stream: id, ppid, payload, is_oversized } = message;
        if ppid == dcep::PPID {
            self.take_dcep_untrusted(id, &payload);
            return;
        }
        let key = match self.streams.carries(id) {
            Carries::Channel(key) => key,
            // It was on its way when this end reset the stream.
            Carries::Ended => return,
            Carries::Nothing => {
                // Data without OPEN.
                self.refuse(id);
                return;
            }
        };
        if PPIDS_OF_EMPTY.contains(&ppid) {
            return;
        }
        if !PPIDS_OF_DATA.contains(&ppid) || is_oversized {
            self.events.push_back(Event::ChannelClosed(key));
            self.reset(key);
            return;
        }
        let length = payload.len();
        self.delivered += length as u64;
        let latest = self.events.iter_mut().rev().take(JOIN_LOOKS).find_map(|event| match event {
            Event::Data(of, joined) if *of == key => Some(joined),
            _ => None,
        });
        match latest {
            Some(joined) if joined.len() + length <= JOIN_LIMIT => joined.extend_from_slice(&payload),
            _ => self.events.push_back(Event::Data(key, payload)),
        }
    }

    fn take_dcep_untrusted(&mut self, id: u16, payload: &[u8]) {
        match dcep::parse_untrusted(payload, self.max_channel_text) {
            Some(dcep::Message::Open) => {}
            // An OPEN that is broken, or whose label is too long, asks for a channel all the same.
            None if matches!(self.streams.carries(id), Carries::Nothing) => {
                self.refuse(id);
                return;
            }
            Some(dcep::Message::Ack) | None => return,
        }
        if let Carries::Channel(key) = self.streams.carries(id) {
            // A second OPEN on a channel in use.
            self.events.push_back(Event::ChannelClosed(key));
            self.reset(key);
            return;
        }
        if !self.streams.is_openable(id) {
            return;
        }
        if self.channels.len() >= self.max_channels {
            self.refuse(id);
            return;
        }
        let key = self.next_remote_key;
        self.next_remote_key += 2;
        self.streams.open_again(id, key);
        self.channels.insert(key, Channel::new(id));
        self.opened += 1;
        self.send_raw(id, dcep::PPID, dcep::ACK.to_vec());
        self.events.push_back(Event::Opened(key));
    }

    /// What arrived before the reset comes first, when there is budget for it.
    fn handle_incoming_reset(&mut self, ids: Vec<u16>, at: u64) {
        let ids = if ids.is_empty() { self.streams.ids() } else { ids };
        match self.incoming_resets.back_mut() {
            Some((last, all)) if *last == at => {
                let before = all.len();
                all.extend(ids);
                all.sort_unstable();
                all.dedup();
                self.waiting_resets += all.len() - before;
            }
            _ => {
                self.waiting_resets += ids.len();
                self.incoming_resets.push_back((at, ids));
            }
        }
        self.apply_incoming_resets();
        if self.waiting_resets > self.max_waiting_resets {
            let detail = format!("the peer has reset {} streams before they were read", self.waiting_resets);
            self.events.push_back(Event::Ended(Reason::Limit, detail));
            self.incoming_resets.clear();
            self.waiting_resets = 0;
        }
    }

    fn apply_incoming_resets(&mut self) {
        while self.incoming_resets.front().is_some_and(|(at, _)| *at <= self.taken) {
            let (_, ids) = self.incoming_resets.pop_front().unwrap_or_default();
            self.waiting_resets -= ids.len();
            for id in ids {
                let (key, is_open) = self.streams.take_incoming_reset(id);
                if let Some(key) = key {
                    self.channels.remove(&key);
                    self.events.push_back(Event::ChannelClosed(key));
                }
                if is_open {
                    self.request_reset(id);
                }
            }
        }
    }

    /// Reset a stream that is no channel, unless the peer makes ever more of them.
    fn refuse(&mut self, id: u16) {
        if self.streams.len() < 4 * self.max_channels {
            self.request_reset(id);
        }
    }
}
