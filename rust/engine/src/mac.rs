//! HMAC (RFC 2104) as STUN needs it: of short texts, with a key of its own for almost each.
//!
//! A flood of requests is answered as fast as this is, and other libraries take several times as long to set a key up.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// HMAC-SHA1 of some parts, one after the other.
pub(crate) fn sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    keyed::<Hmac<Sha1>>(key, parts).finalize().into_bytes().into()
}

/// Whether *tag* is the HMAC-SHA1 of some parts, in constant time.
pub(crate) fn is_sha1(tag: &[u8], key: &[u8], parts: &[&[u8]]) -> bool {
    keyed::<Hmac<Sha1>>(key, parts).verify_slice(tag).is_ok()
}

/// HMAC-SHA256 under a key that stays.
#[derive(Clone)]
pub(crate) struct Sha256Key(Hmac<Sha256>);

impl Sha256Key {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(keyed(key, &[]))
    }

    /// Of some parts, one after the other.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Sha256Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256Key(…)")
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key has any length"));
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    #[test]
    fn the_samples_of_rfc_2202_and_rfc_4231() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(sha1(b"Jefe", &parts), unhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
        // Test case 2, its key filled up as HMAC fills it up.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(Sha256Key::new(&key).sign(&parts), unhex(expected));
        assert!(is_sha1(&sha1(b"Jefe", &parts), b"Jefe", &parts));
        assert!(!is_sha1(&sha1(b"Jefe", &parts), b"jefe", &parts));
        assert!(!is_sha1(&sha1(b"Jefe", &parts)[..19], b"Jefe", &parts));
    }
}
