//! sctp-proto as published: what str0m runs. It asks the system for its random numbers, so a seed does not
//! repeat its tags and numbers.

use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event as Told, Payload,
    PayloadProtocolIdentifier, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

use super::{End, Event, Message, PACKET, Settings};

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
/// Common header, and the header of a DATA chunk.
const HEADERS: usize = 12 + 16;

pub struct SctpProto {
    endpoint: Endpoint,
    association: Option<Association>,
    settings: Settings,
    packets: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    readable: BTreeSet<u16>,
    is_up: bool,
    has_ended: bool,
}

fn transport(settings: Settings) -> Arc<TransportConfig> {
    let config = TransportConfig::default()
        .with_max_receive_buffer_size(settings.receive_window as u32)
        .with_max_send_message_size(settings.largest_message as u32)
        .with_max_receive_message_size(settings.largest_message as u32)
        // As str0m sets it.
        .with_max_init_retransmits(None);
    Arc::new(config)
}

impl SctpProto {
    pub fn new(settings: Settings) -> Self {
        let mut config = EndpointConfig::new();
        config.max_payload_size(((PACKET - HEADERS) & !3) as u32);
        let mut server = ServerConfig::new();
        server.transport = transport(settings);
        Self {
            endpoint: Endpoint::new(Arc::new(config), Some(Arc::new(server))),
            association: None,
            settings,
            packets: VecDeque::new(),
            events: VecDeque::new(),
            readable: BTreeSet::new(),
            is_up: false,
            has_ended: false,
        }
    }

    fn collect(&mut self) {
        while let Some(event) = self.association.as_mut().and_then(Association::poll) {
            let event = match event {
                Told::Connected => {
                    self.is_up = true;
                    Event::Up
                }
                Told::HandshakeFailed { reason } | Told::AssociationLost { reason } => {
                    self.is_up = false;
                    self.has_ended = true;
                    Event::Ended(reason.to_string())
                }
                Told::Stream(StreamEvent::Opened { id } | StreamEvent::Readable { id }) => {
                    self.readable.insert(id);
                    continue;
                }
                // It comes when all before it has been read.
                Told::Stream(StreamEvent::Finished { id }) => Event::Reset { streams: vec![id], after: 0 },
                Told::Stream(StreamEvent::ResetComplete { id }) => Event::ResetDone(vec![id]),
                Told::Stream(StreamEvent::ResetFailed { id, .. }) => Event::ResetRefused(vec![id]),
                _ => continue,
            };
            self.events.push_back(event);
        }
        // A graceful end is told by its state alone.
        if !self.has_ended && self.is_up && self.association.as_ref().is_some_and(Association::is_closed) {
            self.is_up = false;
            self.has_ended = true;
            self.events.push_back(Event::Ended("closed".to_owned()));
        }
    }
}

impl End for SctpProto {
    fn connect(&mut self, _now: Instant) {
        let mut config = ClientConfig::new();
        config.transport = transport(self.settings);
        self.association = Some(self.endpoint.connect(config, PEER).unwrap().1);
    }

    fn handle_packet(&mut self, packet: &[u8], now: Instant) {
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, PEER, None, None, packet) {
            Some((_, DatagramEvent::NewAssociation(association))) => self.association = Some(association),
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some(association) = &mut self.association {
                    association.handle_event(event);
                }
            }
            None => {}
        }
        self.collect();
    }

    fn timeout(&self) -> Option<Instant> {
        self.association.as_ref().and_then(Association::poll_timeout)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(association) = &mut self.association {
            association.handle_timeout(now);
        }
        self.collect();
    }

    fn next_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        while self.packets.is_empty() {
            let transmit = self.association.as_mut()?.poll_transmit(now)?;
            if let Payload::RawEncode(packets) = transmit.payload {
                self.packets.extend(packets.into_iter().map(Vec::from));
            }
        }
        self.collect();
        self.packets.pop_front()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(&mut self, message: Message, unordered: bool, _now: Instant) -> bool {
        let Some(association) = self.association.as_mut().filter(|_| self.is_up) else {
            return false;
        };
        let ppid = PayloadProtocolIdentifier::from(message.ppid);
        if association.stream(message.stream).is_err()
            && association.open_stream(message.stream, ppid).is_err()
        {
            return false;
        }
        let mut stream = association.stream(message.stream).unwrap();
        stream.set_reliability_params(unordered, ReliabilityType::Reliable, 0).unwrap();
        let is_queued = stream.write_with_ppi(&message.payload, ppid).is_ok();
        self.collect();
        is_queued
    }

    fn receive(&mut self, _now: Instant) -> Option<Message> {
        let association = self.association.as_mut()?;
        while let Some(id) = self.readable.first().copied() {
            let read = association.stream(id).and_then(|mut stream| stream.read_sctp());
            if let Ok(Some(chunks)) = read {
                let mut payload = vec![0; chunks.len()];
                chunks.read(&mut payload).unwrap();
                let message = Message { stream: id, ppid: chunks.ppi as u32, payload };
                self.collect();
                return Some(message);
            }
            self.readable.remove(&id);
        }
        self.collect();
        None
    }

    fn queued(&mut self, stream: u16) -> usize {
        let stream = self.association.as_mut().map(|association| association.stream(stream));
        stream.and_then(Result::ok).and_then(|stream| stream.buffered_amount().ok()).unwrap_or(0)
    }

    fn reset(&mut self, streams: &[u16], _now: Instant) -> bool {
        let Some(association) = &mut self.association else {
            return false;
        };
        // One that is gone has been reset with the peer's (RFC 8831 section 6.7).
        let is_asked = streams
            .iter()
            .all(|id| association.stream(*id).map_or(true, |mut stream| stream.close().is_ok()));
        self.collect();
        is_asked
    }

    fn shutdown(&mut self, _now: Instant) {
        if let Some(association) = &mut self.association {
            let _ = association.shutdown();
        }
    }

    /// It has no way to abort in public: it only forgets the association.
    fn abort(&mut self, _now: Instant) {
        if let Some(association) = &mut self.association {
            association.close().unwrap();
        }
        self.collect();
    }

    fn forgets_unread(&self) -> bool {
        true
    }

    fn is_up(&self) -> bool {
        self.is_up
    }
}
