//! Why handshakes fail at a listener: names that are ours, whatever the peer has said, and how often.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The step that failed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The client does not speak DTLS 1.2.
    DtlsVersion,
    /// It offers no cipher suite that this end has.
    DtlsCipherSuite,
    /// It does not offer the extended master secret (RFC 7627).
    DtlsExtendedMasterSecret,
    /// It has sent no certificate; so does one that has none with an ECDSA key.
    DtlsNoCertificate,
    /// The key of its certificate is not ECDSA on P-256 or P-384.
    DtlsCertificateKind,
    /// Its certificate is longer than the limit.
    DtlsCertificateSize,
    /// It did not prove to hold its certificate's key, or the handshake was changed on its way.
    DtlsProof,
    /// It did not go on after an alert, which anybody could have sent.
    DtlsAlert,
    /// It did not finish in time.
    DtlsTimeout,
    /// It broke another rule of DTLS.
    DtlsOther,
    /// SCTP did not come up in time.
    SctpTimeout,
    /// The client ended the connection.
    SctpClosed,
    /// It broke a rule of SCTP.
    SctpOther,
    /// A fault of this end.
    Engine,
}

impl Failure {
    /// All of them, in their order.
    pub const ALL: [Self; 14] = [
        Self::DtlsVersion,
        Self::DtlsCipherSuite,
        Self::DtlsExtendedMasterSecret,
        Self::DtlsNoCertificate,
        Self::DtlsCertificateKind,
        Self::DtlsCertificateSize,
        Self::DtlsProof,
        Self::DtlsAlert,
        Self::DtlsTimeout,
        Self::DtlsOther,
        Self::SctpTimeout,
        Self::SctpClosed,
        Self::SctpOther,
        Self::Engine,
    ];

    /// The name that it is counted under: the stage, and the reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::DtlsVersion => "dtls_version",
            Self::DtlsCipherSuite => "dtls_cipher_suite",
            Self::DtlsExtendedMasterSecret => "dtls_extended_master_secret",
            Self::DtlsNoCertificate => "dtls_no_certificate",
            Self::DtlsCertificateKind => "dtls_certificate_kind",
            Self::DtlsCertificateSize => "dtls_certificate_size",
            Self::DtlsProof => "dtls_proof",
            Self::DtlsAlert => "dtls_alert",
            Self::DtlsTimeout => "dtls_timeout",
            Self::DtlsOther => "dtls_other",
            Self::SctpTimeout => "sctp_timeout",
            Self::SctpClosed => "sctp_closed",
            Self::SctpOther => "sctp_other",
            Self::Engine => "engine",
        }
    }

    /// The alert that tells the client (RFC 5246 section 7.2.2).
    ///
    /// None where dimpl sends it, where the client does not listen any more, and where it would be encrypted.
    pub(crate) fn alert(self) -> Option<u8> {
        match self {
            Self::DtlsVersion => Some(70),
            Self::DtlsCipherSuite | Self::DtlsExtendedMasterSecret | Self::DtlsOther => Some(40),
            Self::DtlsCertificateKind => Some(43),
            Self::DtlsCertificateSize => Some(42),
            Self::DtlsProof => Some(51),
            Self::DtlsNoCertificate
            | Self::DtlsAlert
            | Self::DtlsTimeout
            | Self::SctpTimeout
            | Self::SctpClosed
            | Self::SctpOther
            | Self::Engine => None,
        }
    }
}

/// What an alert in the clear says (RFC 5246 section 7.2.2), where the handshake ended with nothing after it.
pub(crate) fn alert_words(alert: u8, of_client: bool) -> String {
    let meaning = match alert {
        40 => " (handshake failure)",
        42 => " (bad certificate)",
        43 => " (unsupported certificate)",
        46 => " (certificate unknown)",
        48 => " (unknown CA)",
        70 => " (protocol version)",
        71 => " (insufficient security)",
        80 => " (internal error)",
        _ => "",
    };
    // pion sends 71, others 40 or 43.
    let hint = match alert {
        40 | 43 | 71 if of_client => {
            ", as a client does that has only an RSA or Ed25519 certificate: ECDSA (P-256 or P-384) is asked for"
        }
        _ => "",
    };
    format!("; the peer seems to have sent alert {alert}{meaning}{hint}")
}

/// The last handshake that failed for one reason, and how many have since it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How many.
    pub count: u64,
    /// Where the last one came from.
    pub source: SocketAddr,
    /// What was wrong with it.
    pub words: String,
}

/// What is to be told: one entry for each reason, so that it is bounded.
#[derive(Debug, Default)]
pub(crate) struct Failures(BTreeMap<Failure, Failed>);

impl Failures {
    pub(crate) fn note(&mut self, failure: Failure, source: SocketAddr, words: String) {
        let count = 1 + self.0.get(&failure).map_or(0, |failed| failed.count);
        self.0.insert(failure, Failed { count, source, words });
    }

    pub(crate) fn take(&mut self) -> BTreeMap<Failure, Failed> {
        std::mem::take(&mut self.0)
    }
}
