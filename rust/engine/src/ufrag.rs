//! The ICE credentials of libp2p WebRTC-Direct, versions 1 and 2: made, read and checked here only.
//!
//! | | client ufrag | client password | server ufrag and password |
//! |---|---|---|---|
//! | v1 | `libp2p+webrtc+v1/…` | the same | the same |
//! | v2 | its own | its own, `p` | `libp2p+webrtc+v2/` + `p` |
//!
//! A listener learns all of them from the USERNAME `server ufrag:client ufrag` of a request. That
//! proves nothing about its sender.

/// Prefix of both ufrags of version 1.
pub const PREFIX_V1: &str = "libp2p+webrtc+v1/";
/// Prefix of the server's ufrag of version 2.
pub const PREFIX_V2: &str = "libp2p+webrtc+v2/";

/// RFC 8839 section 5.4: a ufrag has 4 to 256 characters, a password 22 to 256.
const UFRAG_LENGTH: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 22..=256;

/// Which of the two schemes a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// One ufrag for everything; browsers have to munge their offer.
    V1,
    /// The client keeps its own credentials.
    V2,
}

/// Why a USERNAME is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Not `a:b`, or a character that ICE does not allow.
    #[error("USERNAME is not two ufrags of ICE characters")]
    Malformed,
    /// A ufrag or password of a length that ICE does not allow.
    #[error("a ufrag or password has a forbidden length")]
    Length,
    /// The server's half starts with neither known prefix.
    #[error("the server's ufrag names no known version of WebRTC-Direct")]
    UnknownVersion,
    /// Version 1 with two different halves.
    #[error("the two halves differ, which version 1 forbids")]
    Mismatch,
}

/// Both ends' credentials of one connection.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The scheme.
    pub version: Version,
    /// The client's ufrag.
    pub client_ufrag: String,
    /// The client's password.
    pub client_pwd: String,
    /// The server's ufrag, which is its password as well.
    pub server_ufrag: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Passwords stay out of logs, and each ufrag but v2's client's is one.
        write!(f, "Credentials({:?})", self.version)
    }
}

/// The same, where they stand in a USERNAME.
#[derive(Clone, Copy)]
pub(crate) struct Username<'a> {
    pub(crate) version: Version,
    pub(crate) client_ufrag: &'a str,
    pub(crate) client_pwd: &'a str,
    pub(crate) server_ufrag: &'a str,
}

impl<'a> Username<'a> {
    /// Read the USERNAME of a request to a listener.
    pub(crate) fn parse_untrusted(username: &'a [u8]) -> Result<Self, UsernameError> {
        let username = std::str::from_utf8(username).map_err(|_| UsernameError::Malformed)?;
        let (server, client) = username.split_once(':').ok_or(UsernameError::Malformed)?;
        if !is_ice_text(server) || !is_ice_text(client) {
            return Err(UsernameError::Malformed);
        }
        if !UFRAG_LENGTH.contains(&server.len()) || !UFRAG_LENGTH.contains(&client.len()) {
            return Err(UsernameError::Length);
        }
        let (version, password) = match (server.strip_prefix(PREFIX_V1), server.strip_prefix(PREFIX_V2)) {
            (Some(_), _) if server != client => return Err(UsernameError::Mismatch),
            (Some(_), _) => (Version::V1, server),
            (_, Some(password)) => (Version::V2, password),
            _ => return Err(UsernameError::UnknownVersion),
        };
        if !PASSWORD_LENGTH.contains(&password.len()) {
            return Err(UsernameError::Length);
        }
        Ok(Self { version, client_ufrag: client, client_pwd: password, server_ufrag: server })
    }

    /// USERNAME of a request from the server to the client; its key is `client_pwd`.
    pub(crate) fn to_client(self) -> String {
        format!("{}:{}", self.client_ufrag, self.server_ufrag)
    }

    pub(crate) fn to_owned(self) -> Credentials {
        Credentials {
            version: self.version,
            client_ufrag: self.client_ufrag.to_owned(),
            client_pwd: self.client_pwd.to_owned(),
            server_ufrag: self.server_ufrag.to_owned(),
        }
    }
}

impl Credentials {
    /// Read the USERNAME of a request to a listener.
    ///
    /// # Errors
    /// Anything that is not exactly what a client of version 1 or 2 sends.
    pub fn from_username_untrusted(username: &[u8]) -> Result<Self, UsernameError> {
        Username::parse_untrusted(username).map(Username::to_owned)
    }

    pub(crate) fn borrowed(&self) -> Username<'_> {
        Username {
            version: self.version,
            client_ufrag: &self.client_ufrag,
            client_pwd: &self.client_pwd,
            server_ufrag: &self.server_ufrag,
        }
    }

    /// USERNAME of a request from the client to the server; its key is `server_ufrag`.
    pub fn username_to_server(&self) -> String {
        format!("{}:{}", self.server_ufrag, self.client_ufrag)
    }

    /// USERNAME of a request from the server to the client; its key is `client_pwd`.
    pub fn username_to_client(&self) -> String {
        self.borrowed().to_client()
    }
}

/// RFC 8839: ice-char = ALPHA / DIGIT / "+" / "/".
fn is_ice_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "abcdefghijklmnopqrstuv";

    fn read(username: &str) -> Result<Credentials, UsernameError> {
        Credentials::from_username_untrusted(username.as_bytes())
    }

    #[test]
    fn version_1_has_one_word_for_everything() {
        let ufrag = format!("{PREFIX_V1}{PASSWORD}+/09");
        let credentials = read(&format!("{ufrag}:{ufrag}")).unwrap();
        assert_eq!(credentials.version, Version::V1);
        assert_eq!(credentials.client_pwd, ufrag);
        assert_eq!(credentials.username_to_client(), format!("{ufrag}:{ufrag}"));
    }

    #[test]
    fn version_2_carries_the_clients_password() {
        let credentials = read(&format!("{PREFIX_V2}{PASSWORD}:abcd")).unwrap();
        assert_eq!(credentials.version, Version::V2);
        assert_eq!(credentials.client_pwd, PASSWORD);
        assert_eq!(credentials.username_to_client(), format!("abcd:{PREFIX_V2}{PASSWORD}"));
        assert_eq!(credentials.username_to_server(), format!("{PREFIX_V2}{PASSWORD}:abcd"));
    }

    #[test]
    fn everything_else_is_refused() {
        let v1 = format!("{PREFIX_V1}{PASSWORD}");
        let v2 = format!("{PREFIX_V2}{PASSWORD}");
        let long = "x".repeat(240);
        for (username, error) in [
            (String::new(), UsernameError::Malformed),
            (v1.clone(), UsernameError::Malformed),
            (format!("{v1}:{v1}x"), UsernameError::Mismatch),
            (format!("{v1}:{v2}"), UsernameError::Mismatch),
            (format!("{v2}:abc"), UsernameError::Length),
            (format!("{v2}:{}", "c".repeat(257)), UsernameError::Length),
            (format!("{PREFIX_V2}short:abcd"), UsernameError::Length),
            (format!("{PREFIX_V2}{long}:abcd"), UsernameError::Length),
            (format!("{PREFIX_V1}x:{PREFIX_V1}x"), UsernameError::Length),
            (format!("libp2p+webrtc+v3/{PASSWORD}:abcd"), UsernameError::UnknownVersion),
            ("abcd:efgh".to_owned(), UsernameError::UnknownVersion),
            (format!("{v2}:ab:cd"), UsernameError::Malformed),
            (format!("{v2}:ab-cd"), UsernameError::Malformed),
        ] {
            assert_eq!(read(&username).unwrap_err(), error, "{username}");
        }
        assert_eq!(Credentials::from_username_untrusted(b"\xff:\xff"), Err(UsernameError::Malformed));
    }
}
