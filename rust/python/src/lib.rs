//! `webrtc_direct._native`: the driver for Python. Types in, batches of events out, no decisions.
//!
//! `_native.pyi` beside the Python sources describes it. The engine's thread never takes the
//! interpreter's lock: events wait as Rust values until `EventQueue.take` turns them into Python's.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use webrtc_direct_driver::engine::Config;
use webrtc_direct_driver::engine::dtls::Identity;
use webrtc_direct_driver::engine::failure::Failure;
use webrtc_direct_driver::engine::listener::Refusal;
use webrtc_direct_driver::engine::sctp::Config as SctpConfig;
use webrtc_direct_driver::engine::session::{Established, Event, Reason};
use webrtc_direct_driver::engine::ufrag::{Credentials, Version};
use webrtc_direct_driver::{DialParameters, ListenParameters, QueueEvent};

/// Kinds of events: the first value of each tuple that `EventQueue.take` returns.
const ACCEPTED: u8 = 0;
const CONNECTED: u8 = 1;
const OPENED: u8 = 2;
const DATA: u8 = 3;
const WRITABLE: u8 = 4;
const CHANNEL_CLOSED: u8 = 5;
const CLOSED: u8 = 6;
const LISTENER_CLOSED: u8 = 7;
const ANSWERED: u8 = 8;
const REFUSED: u8 = 9;
const FAILED: u8 = 10;
const DISCARDED: u8 = 11;

/// Events on their way to an event loop.
#[pyclass(frozen, module = "webrtc_direct._native")]
struct EventQueue {
    inner: webrtc_direct_driver::EventQueue,
}

#[pymethods]
impl EventQueue {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self { inner: webrtc_direct_driver::EventQueue::new().map_err(os_error)? })
    }

    /// Readable while events wait.
    fn fileno(&self) -> i32 {
        self.inner.descriptor()
    }

    /// Take up to *most* events: tuples of kind, connection id, channel key and value.
    fn take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for event in self.inner.take(most) {
            match event {
                QueueEvent::Accepted(connection, established) => {
                    let id = connection.id();
                    let connection = Py::new(py, Connection { inner: connection })?;
                    list.append((ACCEPTED, id, 0, (connection, established_tuple(py, &established))))?;
                }
                QueueEvent::Session(id, event) => append_event(py, &list, id, event)?,
                QueueEvent::Discarded(id, channels, bytes) => {
                    list.append((DISCARDED, id, 0, (channels, bytes)))?;
                }
                QueueEvent::Refused(refusal, count) => {
                    list.append((REFUSED, 0, 0, (limit_name(refusal), count)))?;
                }
                QueueEvent::Failed(failure, last) => {
                    let (ip, port) = (last.source.ip().to_string(), last.source.port());
                    list.append((FAILED, 0, 0, (failure.name(), last.count, ip, port, last.words)))?;
                }
                QueueEvent::ListenerClosed => list.append((LISTENER_CLOSED, 0, 0, py.None()))?,
            }
        }
        Ok(list)
    }
}

fn append_event<'py>(py: Python<'py>, list: &Bound<'py, PyList>, id: u64, event: Event) -> PyResult<()> {
    match event {
        Event::Data(key, data) => list.append((DATA, id, key, PyBytes::new(py, &data))),
        Event::Writable(key, bytes) => list.append((WRITABLE, id, key, bytes)),
        Event::Opened(key) => list.append((OPENED, id, key, py.None())),
        Event::Answered => list.append((ANSWERED, id, 0, py.None())),
        Event::ChannelClosed(key) => list.append((CHANNEL_CLOSED, id, key, py.None())),
        Event::Connected(established) => list.append((CONNECTED, id, 0, established_tuple(py, &established))),
        Event::Closed(reason, detail) => {
            let received = match reason {
                Reason::Fingerprint(received) => Some(PyBytes::new(py, &received)),
                _ => None,
            };
            list.append((CLOSED, id, 0, (reason_name(reason), detail, received)))
        }
    }
}

/// The field of `Limits` that refused a connection.
fn limit_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Connections => "max_connections",
        Refusal::Handshakes => "max_handshakes",
        Refusal::Address => "max_connections_per_address",
        Refusal::Prefix => "max_connections_per_prefix",
        Refusal::Rate => "connections_per_second",
        Refusal::AddressRate => "connections_per_second_per_address",
    }
}

/// The value of `CloseKind` in `platform/base.py`.
fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Local => "local",
        Reason::Remote => "remote",
        Reason::Timeout => "timeout",
        Reason::Fingerprint(_) => "fingerprint",
        Reason::Protocol => "protocol",
        Reason::Limit => "limit",
        Reason::Fault => "engine",
    }
}

/// An IP address, and the number of its zone if it has one.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            format!("{}%{}", address.ip(), address.scope_id())
        }
        _ => address.ip().to_string(),
    }
}

type EstablishedTuple<'py> =
    (&'static str, String, u16, Bound<'py, PyBytes>, Option<f64>, Option<f64>, Option<f64>);

fn established_tuple<'py>(py: Python<'py>, established: &Established) -> EstablishedTuple<'py> {
    let version = match established.version {
        Version::V1 => "v1",
        Version::V2 => "v2",
    };
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    (
        version,
        host(established.remote),
        established.remote.port(),
        PyBytes::new(py, &established.fingerprint),
        seconds(established.times.ice),
        seconds(established.times.dtls),
        seconds(established.times.sctp),
    )
}

/// A connection. Dropping it aborts it.
#[pyclass(frozen, module = "webrtc_direct._native")]
struct Connection {
    inner: webrtc_direct_driver::Connection,
}

#[pymethods]
impl Connection {
    /// Names it in the events of its queue.
    #[getter]
    fn id(&self) -> u64 {
        self.inner.id()
    }

    /// Open a channel and return its key.
    fn open_channel(&self) -> u64 {
        self.inner.open_channel()
    }

    /// Queue messages on a channel.
    fn send(&self, key: u64, messages: Vec<Bound<'_, PyBytes>>) {
        let messages = messages.iter().map(|message| message.as_bytes().to_vec()).collect();
        self.inner.send(key, messages);
    }

    /// Say that so many more bytes are not unread any more.
    fn consumed(&self, count: u64) {
        self.inner.consumed(count);
    }

    /// Whether data has arrived that is not delivered before more is consumed.
    fn is_stalled(&self) -> bool {
        self.inner.is_stalled()
    }

    /// Have nothing more delivered.
    fn pause(&self) {
        self.inner.pause();
    }

    /// Have data delivered again.
    fn resume(&self) {
        self.inner.resume();
    }

    /// Reset a channel once its queue is empty.
    fn close_channel(&self, key: u64) {
        self.inner.close_channel(key);
    }

    /// Reset a channel now.
    fn reset_channel(&self, key: u64) {
        self.inner.reset_channel(key);
    }

    /// End it once the peer has everything.
    fn close(&self) {
        self.inner.close();
    }

    /// End it now.
    fn abort(&self) {
        self.inner.abort();
    }

    /// Say that its peer is authenticated.
    fn authenticated(&self) {
        self.inner.authenticated();
    }

    /// Counters, under the names of `ConnectionStats`.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.inner.stats();
        let values = PyDict::new(py);
        values.set_item("bytes_sent", stats.bytes_sent)?;
        values.set_item("bytes_received", stats.bytes_received)?;
        values.set_item("datagrams_sent", stats.datagrams_sent)?;
        values.set_item("datagrams_received", stats.datagrams_received)?;
        values.set_item("retransmitted_packets", stats.sctp.retransmitted_packets)?;
        let round_trip = stats.sctp.round_trip_time;
        let round_trip = (!round_trip.is_zero()).then_some(round_trip.as_secs_f64());
        values.set_item("round_trip_time", round_trip)?;
        values.set_item("congestion_window", stats.sctp.congestion_window)?;
        values.set_item("unread_bytes", self.inner.unread())?;
        values.set_item("channels", stats.channels)?;
        Ok(values)
    }
}

/// A listener. Dropping it closes it.
#[pyclass(frozen, module = "webrtc_direct._native")]
struct Listener {
    inner: webrtc_direct_driver::Listener,
}

#[pymethods]
impl Listener {
    /// The port that it is bound to.
    #[getter]
    fn port(&self) -> u16 {
        self.inner.local().port()
    }

    /// Counters, under the names of `ListenerCounters`.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = self.inner.state();
        let failed = PyDict::new(py);
        for failure in Failure::ALL {
            let count = state.counters.failed[failure as usize];
            if count > 0 {
                failed.set_item(failure.name(), count)?;
            }
        }
        let values = PyDict::new(py);
        values.set_item("malformed", state.counters.malformed)?;
        values.set_item("bad_username", state.counters.bad_username)?;
        values.set_item("unauthentic", state.counters.unauthentic)?;
        values.set_item("unknown_source", state.counters.unknown_source)?;
        values.set_item("throttled", state.counters.throttled)?;
        values.set_item("refused", state.counters.refused)?;
        values.set_item("displaced", state.counters.displaced)?;
        values.set_item("tombstones", state.counters.tombstones)?;
        values.set_item("past", state.counters.past)?;
        values.set_item("withheld_datagrams", state.counters.withheld)?;
        values.set_item("connections", state.connections)?;
        values.set_item("handshakes", state.handshakes)?;
        values.set_item("failed", failed)?;
        Ok(values)
    }

    /// Abort its connections and free its socket; then its queue says so.
    fn close(&self) {
        self.inner.close();
    }
}

/// The bounds that Python sets; what it does not name stays at the engine's own.
#[derive(FromPyObject)]
struct Bounds {
    #[pyo3(item)]
    handshake_timeout: f64,
    #[pyo3(item)]
    silence_timeout: f64,
    #[pyo3(item)]
    consent_interval: f64,
    #[pyo3(item)]
    close_timeout: f64,
    #[pyo3(item)]
    max_connections: usize,
    #[pyo3(item)]
    max_connections_per_address: usize,
    #[pyo3(item)]
    max_connections_per_prefix: usize,
    #[pyo3(item)]
    connections_per_second: f64,
    #[pyo3(item)]
    connections_per_second_per_address: f64,
    #[pyo3(item)]
    max_handshakes: usize,
    #[pyo3(item)]
    max_channels: usize,
    #[pyo3(item)]
    max_channel_label: usize,
    #[pyo3(item)]
    max_certificate: usize,
    #[pyo3(item)]
    unread_bytes: u64,
    #[pyo3(item)]
    unsent_bytes_per_channel: usize,
    #[pyo3(item)]
    receive_window: usize,
    #[pyo3(item)]
    receive_window_process: usize,
}

impl Bounds {
    fn config(&self) -> PyResult<Config> {
        Ok(Config {
            handshake_timeout: duration("handshake_timeout", self.handshake_timeout)?,
            silence_timeout: duration("silence_timeout", self.silence_timeout)?,
            consent_interval: duration("consent_interval", self.consent_interval)?,
            close_timeout: duration("close_timeout", self.close_timeout)?,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            max_connections_per_prefix: self.max_connections_per_prefix,
            connections_per_second: self.connections_per_second,
            connections_per_second_per_address: self.connections_per_second_per_address,
            max_handshakes: self.max_handshakes,
            max_channels: self.max_channels,
            max_channel_text: self.max_channel_label,
            max_certificate: self.max_certificate,
            unread_bytes: self.unread_bytes,
            unsent_bytes_per_channel: self.unsent_bytes_per_channel,
            sctp: SctpConfig {
                receive_window: self.receive_window,
                pool: webrtc_direct_driver::receive_pool(self.receive_window_process),
                ..Default::default()
            },
            ..Config::default()
        })
    }
}

fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| PyValueError::new_err(format!("{name} = {seconds}: {error}")))
}

/// With its number, so that Python makes the right kind of OSError.
fn os_error(error: std::io::Error) -> PyErr {
    let Some(code) = error.raw_os_error() else { return error.into() };
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((code, text))
}

fn identity(certificate: Vec<u8>, private_key: Vec<u8>) -> PyResult<Identity> {
    Identity::new(certificate, private_key)
        .map_err(|error| PyValueError::new_err(format!("the certificate is not usable: {error}")))
}

fn address(ip: &str, scope_id: u32, port: u16) -> PyResult<SocketAddr> {
    let ip: IpAddr = ip.parse().map_err(|error| PyValueError::new_err(format!("{ip:?}: {error}")))?;
    Ok(match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope_id).into(),
    })
}

/// Dial. The queue says CONNECTED or CLOSED.
#[pyfunction]
#[pyo3(signature = (queue, *, ip, scope_id, port, username, fingerprint, certificate, private_key, bounds))]
#[expect(clippy::too_many_arguments, reason = "keyword-only, and each is one thing")]
fn dial(
    queue: &EventQueue,
    ip: &str,
    scope_id: u32,
    port: u16,
    username: &str,
    fingerprint: [u8; 32],
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    bounds: Bounds,
) -> PyResult<Connection> {
    let credentials = Credentials::from_username_untrusted(username.as_bytes())
        .map_err(|error| PyValueError::new_err(format!("ICE credentials: {error}")))?;
    let parameters = DialParameters {
        remote: address(ip, scope_id, port)?,
        credentials,
        fingerprint,
        identity: identity(certificate, private_key)?,
        config: bounds.config()?,
    };
    Ok(Connection { inner: webrtc_direct_driver::dial(parameters, &queue.inner).map_err(os_error)? })
}

/// Listen. The queue says ACCEPTED of each connection.
#[pyfunction]
#[pyo3(signature = (queue, *, ip, scope_id, port, certificate, private_key, bounds))]
fn listen(
    queue: &EventQueue,
    ip: &str,
    scope_id: u32,
    port: u16,
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    bounds: Bounds,
) -> PyResult<Listener> {
    let parameters = ListenParameters {
        local: address(ip, scope_id, port)?,
        identity: identity(certificate, private_key)?,
        config: bounds.config()?,
    };
    Ok(Listener { inner: webrtc_direct_driver::listen(parameters, &queue.inner).map_err(os_error)? })
}

/// Abort everything in this process and tell the peers, within *seconds*.
#[pyfunction]
fn abort_all(py: Python<'_>, seconds: f64) -> PyResult<()> {
    let most = duration("seconds", seconds)?;
    py.detach(|| webrtc_direct_driver::abort_all(most));
    Ok(())
}

/// Give memory that is free to the system: the C library keeps what a crowd of connections has used.
fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim may be called from any thread at any time; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The module.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    webrtc_direct_driver::set_trim(trim);
    module.add("ACCEPTED", ACCEPTED)?;
    module.add("CONNECTED", CONNECTED)?;
    module.add("OPENED", OPENED)?;
    module.add("DATA", DATA)?;
    module.add("WRITABLE", WRITABLE)?;
    module.add("CHANNEL_CLOSED", CHANNEL_CLOSED)?;
    module.add("CLOSED", CLOSED)?;
    module.add("LISTENER_CLOSED", LISTENER_CLOSED)?;
    module.add("ANSWERED", ANSWERED)?;
    module.add("REFUSED", REFUSED)?;
    module.add("FAILED", FAILED)?;
    module.add("DISCARDED", DISCARDED)?;
    // A benchmark refuses to measure a debug build.
    module.add("BUILD_PROFILE", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    module.add_class::<EventQueue>()?;
    module.add_class::<Connection>()?;
    module.add_class::<Listener>()?;
    module.add_function(wrap_pyfunction!(dial, module)?)?;
    module.add_function(wrap_pyfunction!(listen, module)?)?;
    module.add_function(wrap_pyfunction!(abort_all, module)?)?;
    Ok(())
}
