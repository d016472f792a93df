//! The two ends: their sockets, certificates, windows and congestion control.

use std::error::Error;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::congestion::{BbrConfig, ControllerFactory, CubicConfig};
use quinn::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use socket2::{Domain, Protocol, Socket, Type};

use crate::options::Controller;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) const SERVER_NAME: &str = "localhost";
/// More than any path of the table holds, so that congestion control alone is measured.
const WINDOW: u32 = 16 << 20;
const SOCKET_BUFFER: usize = 4 << 20;

/// A listener at a free port of *ip*, and its certificate.
pub(crate) fn listener(controller: Controller, ip: IpAddr) -> Outcome<(Endpoint, Vec<u8>)> {
    let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    config.transport_config(transport(controller)?);
    let endpoint = endpoint(ip, Some(config))?;
    Ok((endpoint, certificate.to_vec()))
}

/// A dialer that trusts the one *certificate*.
pub(crate) fn dialer(controller: Controller, ip: IpAddr, certificate: Vec<u8>) -> Outcome<Endpoint> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate))?;
    let mut config = ClientConfig::with_root_certificates(Arc::new(roots))?;
    config.transport_config(transport(controller)?);
    let mut endpoint = endpoint(ip, None)?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

fn endpoint(ip: IpAddr, server: Option<ServerConfig>) -> Outcome<Endpoint> {
    let address = SocketAddr::new(ip, 0);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

fn transport(controller: Controller) -> Outcome<Arc<TransportConfig>> {
    let factory: Arc<dyn ControllerFactory + Send + Sync> = match controller {
        Controller::Cubic => Arc::new(CubicConfig::default()),
        Controller::Bbr => Arc::new(BbrConfig::default()),
    };
    let mut config = TransportConfig::default();
    config
        .congestion_controller_factory(factory)
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(WINDOW.into());
    Ok(Arc::new(config))
}
