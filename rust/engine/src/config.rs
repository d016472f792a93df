//! Every bound and time of the engine, in one place.

use std::time::Duration;

/// The settings of a listener or of a dialed connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// ICE, DTLS and SCTP together.
    pub handshake_timeout: Duration,
    /// A connection whose peer proves nothing of itself for so long has ended.
    pub silence_timeout: Duration,
    /// The client's consent check (RFC 7675), give or take a fifth.
    pub consent_interval: Duration,
    /// How long `close` waits for the peer to acknowledge.
    pub close_timeout: Duration,
    /// Connections of a listener.
    pub max_connections: usize,
    /// Connections of one IP address at a listener.
    pub max_connections_per_address: usize,
    /// Connections of one prefix (IPv4 /24, IPv6 /56) at a listener.
    pub max_connections_per_prefix: usize,
    /// New connections of a listener; a burst is twice as many.
    pub connections_per_second: f64,
    /// New connections of one IP address; a burst is twice as many.
    pub connections_per_second_per_address: f64,
    /// Binding requests of an address that is validated or has a connection, which are answered before those of
    /// strangers.
    pub requests_per_second_of_known: f64,
    /// STUN messages that are taken of a run of datagrams, which arrived joined from one address.
    pub max_stun_of_run: usize,
    /// A connection that never had a stream for so long may give way to a new one at a listener that has as many as
    /// it may.
    pub unused_grace: Duration,
    /// One that never had a stream for so long may give way to a new one whatever the networks of both have, if that of the
    /// new one has finished handshakes.
    pub long_unused_grace: Duration,
    /// The same as `unused_grace` of one that had streams, and has none for so long.
    pub idle_grace: Duration,
    /// Handshakes in progress at a listener.
    pub max_handshakes: usize,
    /// A handshake that has lasted for so long gives way to any newer one where there are too many.
    pub handshake_grace: Duration,
    /// Handshakes with addresses that are not validated, beyond which validation comes first.
    pub max_unvalidated_handshakes: usize,
    /// Addresses that a listener remembers to have sent an authentic request.
    pub max_candidates: usize,
    /// Addresses that a listener remembers to be validated.
    pub max_validated: usize,
    /// ClientHellos that wait for the validation of their address.
    pub max_held_hellos: usize,
    /// Source addresses of one connection.
    pub max_addresses: usize,
    /// Closed connections whose checks are answered with a 403.
    pub max_tombstones: usize,
    /// For how long.
    pub tombstone_time: Duration,
    /// How often, at most, the checks of one closed connection, or of one of the past.
    pub tombstone_answers: u32,
    /// A validated address whose checks go on for so long without a ClientHello has a connection of the past.
    /// The hello leaves with the answer that validates it, however long the way is. Browsers have repeated it
    /// five times by then; and a stable connection of Chromium's, which checks each 2.5 s, is told at its second.
    pub hello_timeout: Duration,
    /// The same where encrypted data comes instead. Whoever forges that, and the address, before the hello has
    /// come is to have no use of it.
    pub past_data_timeout: Duration,
    /// Channels of a connection.
    pub max_channels: usize,
    /// Label and protocol of a channel, together.
    pub max_channel_text: usize,
    /// The peer's certificate, in DER.
    pub max_certificate: usize,
    /// What a connection may have delivered and not yet consumed.
    pub unread_bytes: u64,
    /// What a channel may have queued to be sent; the caller enforces it, credit is given in steps of it.
    pub unsent_bytes_per_channel: usize,
    /// SCTP. Its `heartbeat_interval` follows from `silence_timeout`.
    pub sctp: webrtc_direct_sctp::Config,
    /// A client that expects something and hears nothing for so long, or for two round trips, checks its path.
    pub quiet: Duration,
    /// A peer that was silent for half of `silence_timeout` is asked so often whether it is there: a few lost
    /// datagrams do not look like the end of it.
    pub ask_pause: Duration,
    /// Least time between two checks of a client that is connected; it grows while nothing is heard, up to two seconds.
    pub check_pause: Duration,
    /// Stream ids in resets of the peer's that wait for a reader of what came before them. A peer names an id
    /// once until it is answered, and there are no more ids than that.
    pub max_waiting_resets: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(20),
            consent_interval: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            max_connections: 1000,
            max_connections_per_address: 256,
            max_connections_per_prefix: 512,
            connections_per_second: 200.0,
            connections_per_second_per_address: 128.0,
            requests_per_second_of_known: 64.0,
            max_stun_of_run: 4,
            unused_grace: Duration::from_secs(2),
            long_unused_grace: Duration::from_secs(10),
            idle_grace: Duration::from_secs(60),
            max_handshakes: 256,
            handshake_grace: Duration::from_secs(1),
            max_unvalidated_handshakes: 16,
            max_candidates: 4096,
            max_validated: 4096,
            max_held_hellos: 64,
            max_addresses: 8,
            max_tombstones: 1024,
            tombstone_time: Duration::from_secs(60),
            tombstone_answers: 32,
            hello_timeout: Duration::from_secs(2),
            past_data_timeout: Duration::from_millis(750),
            max_channels: 1024,
            max_channel_text: 1024,
            max_certificate: 16 * 1024,
            unread_bytes: 1 << 20,
            unsent_bytes_per_channel: 256 * 1024,
            sctp: webrtc_direct_sctp::Config::default(),
            quiet: Duration::from_millis(500),
            ask_pause: Duration::from_secs(1),
            check_pause: Duration::from_secs(1),
            max_waiting_resets: 1 << 16,
        }
    }
}
