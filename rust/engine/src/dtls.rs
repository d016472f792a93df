//! DTLS 1.2 (RFC 6347) by dimpl, the only file that names it.
//!
//! It hides what a caller of dimpl has to know: time before input, output after each step, and alerts
//! that anybody could have sent. It does not judge the peer's certificate, it hands it over.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dimpl::{CertificateError, Config, CryptoError, Dtls, DtlsCertificate, Output, SecurityError};

use crate::failure::Failure;
use crate::hello;

/// Largest datagram that is sent: 1280 (IPv6) less 40 (IPv6) and 8 (UDP).
pub const MAX_DATAGRAM: usize = 1232;
/// Record header 13, explicit nonce 8 and tag 16: what a record of AES-GCM adds to its content.
pub const RECORD_OVERHEAD: usize = 37;

/// First retransmission; then it doubles. With dimpl's second, one lost flight costs 0.8 s.
const FLIGHT_START_RTO: Duration = Duration::from_millis(150);
const FLIGHT_RETRIES: usize = 10;
/// The session has the deadline that counts; this one is only beyond it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Room for what one step produces; it is drained after each.
const QUEUE: usize = 64;

const RECORD_HEADER: usize = 13;
const CONTENT_ALERT: u8 = 21;
const CONTENT_HANDSHAKE: u8 = 22;
const CONTENT_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const FATAL: u8 = 2;

/// A certificate and its key, and the settings of every DTLS connection that uses them.
#[derive(Clone)]
pub struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// From a certificate (X.509 DER) and its ECDSA P-256 key (PKCS#8 DER).
    ///
    /// # Errors
    /// In words, where this build's cryptography is not usable.
    pub fn new(certificate: Vec<u8>, private_key: Vec<u8>) -> Result<Self, String> {
        Ok(Self { config: config()?, certificate: DtlsCertificate { certificate, private_key } })
    }
}

/// The settings, which are the same for all. Making them tries the cryptography out, which takes
/// longer than a handshake.
fn config() -> Result<Arc<Config>, String> {
    static CONFIG: OnceLock<Result<Arc<Config>, String>> = OnceLock::new();
    let made = CONFIG.get_or_init(|| {
        Config::builder()
            .mtu(MAX_DATAGRAM)
            .max_queue_tx(QUEUE)
            .max_queue_rx(QUEUE)
            .flight_start_rto(FLIGHT_START_RTO)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            // The STUN check and the limit on amplification do what the cookie is for.
            .use_server_cookie(false)
            .build()
            .map(Arc::new)
            .map_err(|error| error.to_string())
    });
    made.clone()
}

/// Why a connection is dead.
#[derive(Debug)]
pub struct Error {
    /// What a listener counts it as.
    pub failure: Failure,
    /// In words.
    pub words: String,
}

impl Error {
    fn new(failure: Failure, detail: &str) -> Self {
        let words = match failure {
            Failure::DtlsVersion => "the client does not offer DTLS 1.2",
            Failure::DtlsCipherSuite => {
                "the client offers no cipher suite of ours: ECDHE-ECDSA with AES-GCM or ChaCha20-Poly1305"
            }
            Failure::DtlsExtendedMasterSecret => "the client does not offer the extended master secret",
            Failure::DtlsNoCertificate => {
                "the client sent no certificate; one that has only an RSA or Ed25519 certificate sends none, \
                 because ECDSA (P-256 or P-384) is asked for"
            }
            Failure::DtlsCertificateKind => {
                "the key of the client's certificate is not ECDSA on P-256 or P-384 (RSA and Ed25519 are not taken)"
            }
            _ => detail,
        };
        Self { failure, words: format!("DTLS: {words}") }
    }

    fn of_server(error: &dimpl::Error) -> Self {
        let failure = match error {
            dimpl::Error::SecurityError(error) => match error {
                SecurityError::UnsupportedClientVersion(_) => Failure::DtlsVersion,
                SecurityError::NoMutuallyAcceptableCipherSuite => Failure::DtlsCipherSuite,
                SecurityError::ExtendedMasterSecretNotNegotiated => Failure::DtlsExtendedMasterSecret,
                SecurityError::ClientFinishedVerificationFailed => Failure::DtlsProof,
                _ => Failure::DtlsOther,
            },
            dimpl::Error::CertificateError(CertificateError::NoClientCertificateReceived) => {
                Failure::DtlsNoCertificate
            }
            dimpl::Error::CryptoError(
                CryptoError::UnsupportedSignatureAlgorithm(_)
                | CryptoError::UnsupportedPublicKeyAlgorithm
                | CryptoError::UnsupportedEcCurve,
            ) => Failure::DtlsCertificateKind,
            dimpl::Error::CryptoError(CryptoError::SignatureVerificationFailed { .. }) => Failure::DtlsProof,
            _ => Failure::DtlsOther,
        };
        Self::new(failure, &error.to_string())
    }
}

/// What came out of a step.
#[derive(Debug)]
pub enum Event {
    /// The peer's certificate, X.509 DER. It comes before `Connected`.
    PeerCertificate(Vec<u8>),
    /// The handshake is done.
    Connected,
    /// The peer sent close_notify.
    CloseNotify,
}

/// What a step hands its output to.
pub trait Sink {
    /// A datagram to send.
    fn datagram(&mut self, datagram: &[u8]);
    /// Decrypted data of the peer.
    fn data(&mut self, data: &[u8]);
    /// Anything else.
    fn event(&mut self, event: Event);
}

thread_local! {
    /// Where dimpl puts what it hands over: one for all connections of a thread, for none keeps anything here.
    static OUTPUT: RefCell<Vec<u8>> = RefCell::new(vec![0; 2048]);
}

/// One DTLS connection.
#[derive(Debug)]
pub struct Endpoint {
    dtls: Dtls,
    timeout: Option<Instant>,
    connected: bool,
    heard: bool,
    /// A server has taken a hello, and answered it.
    answered: bool,
    alert: Option<u8>,
    config: Arc<Config>,
    is_client: bool,
}

impl Endpoint {
    /// The client's or the server's end; a client says its hello at the first step.
    pub fn new(identity: &Identity, is_client: bool, now: Instant) -> Self {
        let config = Arc::clone(&identity.config);
        let mut dtls = Dtls::new_12(Arc::clone(&config), identity.certificate.clone(), now);
        dtls.set_active(is_client);
        Self {
            dtls,
            timeout: None,
            connected: false,
            heard: false,
            answered: false,
            alert: None,
            config,
            is_client,
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Whether anything came that could be the peer's.
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// The last fatal alert that came in the handshake. Anybody can have sent it.
    pub fn alert(&self) -> Option<u8> {
        self.alert
    }

    /// Let time pass.
    ///
    /// # Errors
    /// In words; the connection is dead then.
    pub fn handle_timeout(&mut self, now: Instant, sink: &mut impl Sink) -> Result<(), Error> {
        let result = self.dtls.handle_timeout(now);
        self.judge(result)?;
        self.drain(sink);
        Ok(())
    }

    /// Take a datagram of the peer's. Call `handle_timeout` before the first of a moment.
    ///
    /// # Errors
    /// In words; the connection is dead then.
    pub fn handle_datagram_untrusted(&mut self, datagram: &[u8], sink: &mut impl Sink) -> Result<(), Error> {
        if !self.connected
            && let Some(alert) = plaintext_alert(datagram)
        {
            // Anybody can send one, and dimpl would give up the handshake.
            self.alert = alert.or(self.alert);
            return Ok(());
        }
        self.heard = true;
        if !self.answered && is_client_hello(datagram) {
            let is_ours = |id| self.config.dtls12_cipher_suites().any(|suite| suite.suite().as_u16() == id);
            if let Some(failure) = hello::fault_untrusted(datagram, is_ours) {
                return Err(Error::new(failure, ""));
            }
        }
        let result = self.dtls.handle_packet(datagram);
        self.judge(result)?;
        self.drain(sink);
        Ok(())
    }

    /// Encrypt and send *data* as one record.
    ///
    /// # Errors
    /// In words; the connection is dead then.
    pub fn send(&mut self, data: &[u8], sink: &mut impl Sink) -> Result<(), Error> {
        let result = self.dtls.send_application_data(data);
        self.judge(result)?;
        self.drain(sink);
        Ok(())
    }

    /// Send close_notify, if the handshake is done.
    pub fn close(&mut self, sink: &mut impl Sink) {
        if self.dtls.close().is_ok() {
            self.drain(sink);
        }
    }

    fn judge<T>(&self, result: Result<T, dimpl::Error>) -> Result<T, Error> {
        result.map_err(|error| match self.is_client {
            true => Error::new(Failure::DtlsOther, &error.to_string()),
            false => Error::of_server(&error),
        })
    }

    fn drain(&mut self, sink: &mut impl Sink) {
        OUTPUT.with_borrow_mut(|buffer| self.drain_by(buffer, sink));
    }

    fn drain_by(&mut self, buffer: &mut Vec<u8>, sink: &mut impl Sink) {
        loop {
            match self.dtls.poll_output(buffer) {
                Output::Packet(datagram) => {
                    self.answered = true;
                    sink.datagram(datagram);
                }
                Output::ApplicationData(data) => sink.data(data),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::PeerCert(der) => sink.event(Event::PeerCertificate(der.to_vec())),
                Output::Connected => {
                    self.connected = true;
                    sink.event(Event::Connected);
                }
                Output::CloseNotify => sink.event(Event::CloseNotify),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return;
                }
                // Keys for SRTP, which a data-only connection has no use for; and what dimpl may add.
                _ => {}
            }
        }
    }
}

/// Whether RFC 7983 would hand this datagram to DTLS.
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| (20..64).contains(first)) && datagram.len() > RECORD_HEADER
}

/// Whether *datagram* begins a handshake: its first record is an unencrypted ClientHello, or a part of one.
pub fn is_client_hello(datagram: &[u8]) -> bool {
    looks_like_dtls(datagram)
        && datagram[0] == CONTENT_HANDSHAKE
        && datagram[3..5] == [0, 0]
        && datagram[RECORD_HEADER] == CLIENT_HELLO
}

/// Whether *datagram* begins with encrypted data, which nobody has before the end of a handshake.
pub fn is_data(datagram: &[u8]) -> bool {
    looks_like_dtls(datagram) && datagram[0] == CONTENT_DATA && datagram[3..5] != [0, 0]
}

/// A record with a fatal alert, for a client whose handshake is not done.
///
/// dimpl's records in the clear have the lowest sequence numbers: this one is none that the client has seen.
pub(crate) fn fatal_alert(description: u8) -> [u8; RECORD_HEADER + 2] {
    [CONTENT_ALERT, 254, 253, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, FATAL, description]
}

/// The alert in the clear that *datagram* holds, if it does, and what it says if that is fatal.
fn plaintext_alert(datagram: &[u8]) -> Option<Option<u8>> {
    let mut rest = datagram;
    while let Some(header) = rest.get(..RECORD_HEADER) {
        if header[0] == CONTENT_ALERT && header[3..5] == [0, 0] {
            let fatal = rest.get(RECORD_HEADER..RECORD_HEADER + 2).filter(|alert| alert[0] == FATAL);
            return Some(fatal.map(|alert| alert[1]));
        }
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        rest = rest.get(RECORD_HEADER + length..).unwrap_or_default();
    }
    None
}
