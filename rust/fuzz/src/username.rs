//! The USERNAME of a request.

use webrtc_direct_engine::ufrag::Credentials;

pub fn run(data: &[u8]) {
    let Ok(credentials) = Credentials::from_username_untrusted(data) else {
        return;
    };
    assert_eq!(credentials.username_to_server().as_bytes(), data);
    assert!((22..=256).contains(&credentials.client_pwd.len()));
    assert!((4..=256).contains(&credentials.client_ufrag.len()));
    assert!(credentials.username_to_client().len() == data.len());
    assert!(!format!("{credentials:?}").contains(&credentials.client_pwd));
}
