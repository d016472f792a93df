//! What callers hold: connections and listeners, and the engine behind them.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak, mpsc};
use std::time::Duration;

use mio::Waker;
use webrtc_direct_engine::association::ChannelKey;
use webrtc_direct_engine::config::Config;
use webrtc_direct_engine::dtls::Identity;
use webrtc_direct_engine::listener::Counters;
use webrtc_direct_engine::session::{Fingerprint, Stats};
use webrtc_direct_engine::ufrag::Credentials;

use crate::queue::{self, EventQueue, Sender};
use crate::reactor::Reactor;
use crate::socket;

/// Whom to dial.
#[derive(Debug)]
pub struct DialParameters {
    /// The listener's address.
    pub remote: SocketAddr,
    /// Both ends' ICE credentials.
    pub credentials: Credentials,
    /// What the listener's certificate must be.
    pub fingerprint: Fingerprint,
    /// This end's certificate.
    pub identity: Identity,
    /// Bounds and times.
    pub config: Config,
}

/// Where to listen.
#[derive(Debug)]
pub struct ListenParameters {
    /// The address to bind; port 0 lets the system choose.
    pub local: SocketAddr,
    /// The certificate of every connection.
    pub identity: Identity,
    /// Bounds and times.
    pub config: Config,
}

/// What the engine's thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Dial(u64, Box<DialParameters>, std::net::UdpSocket, Arc<Shared>, Arc<Sender>),
    Listen(u64, Box<ListenParameters>, std::net::UdpSocket, Arc<Sender>, Weak<Engine>, Arc<ListenerView>),
    CloseListener(u64),
    OpenChannel(u64, ChannelKey),
    Send(u64, ChannelKey, Vec<Vec<u8>>),
    CloseChannel(u64, ChannelKey),
    ResetChannel(u64, ChannelKey),
    Resume(u64),
    Close(u64),
    Abort(u64),
    Authenticated(u64),
    /// Abort everything; what this holds is dropped once that is said to the peers.
    AbortAll(mpsc::Sender<()>),
}

/// How a listener stood after the engine's last work on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenerState {
    /// What it dropped or refused.
    pub counters: Counters,
    /// Connections, those in the handshake included.
    pub connections: usize,
    /// Those in the handshake.
    pub handshakes: usize,
}

/// What both threads see of a listener.
pub(crate) type ListenerView = Mutex<ListenerState>;

/// What both threads see of a connection.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) consumed: AtomicU64,
    pub(crate) delivered: AtomicU64,
    /// Delivery waits until half of `budget` is free.
    pub(crate) stalled: AtomicBool,
    /// Delivery waits until the caller says otherwise.
    pub(crate) paused: AtomicBool,
    pub(crate) stats: Mutex<Stats>,
    budget: u64,
}

impl Shared {
    pub(crate) fn new(budget: u64) -> Self {
        Self {
            consumed: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            stats: Mutex::default(),
            budget,
        }
    }

    /// Whether delivery could go on.
    pub(crate) fn may_resume(&self) -> bool {
        let unread =
            self.delivered.load(Ordering::SeqCst).saturating_sub(self.consumed.load(Ordering::SeqCst));
        let waits = self.stalled.load(Ordering::SeqCst) && !self.paused.load(Ordering::SeqCst);
        waits && unread <= self.budget / 2
    }
}

/// What the callers' threads share with the engine's.
#[derive(Debug)]
pub(crate) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    /// No handle is left; end when everything has ended.
    pub(crate) ending: AtomicBool,
    waker: Waker,
    next_id: AtomicU64,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { commands: Mutex::default(), ending: AtomicBool::new(false), waker, next_id: AtomicU64::new(1) }
    }

    pub(crate) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.lock())
    }

    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, command: Command) {
        let first = {
            let mut commands = self.lock();
            commands.push(command);
            commands.len() == 1
        };
        if first {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("waking the engine: {error}");
        }
    }
}

/// The engine of this process, while anybody holds it.
static CURRENT: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

static TRIM: OnceLock<fn()> = OnceLock::new();

/// Have *trim* called on the engine's thread some time after connections have ended: the allocator, which
/// the program chooses, can give memory back to the system then.
pub fn set_trim(trim: fn()) {
    // The first one counts; a program has one allocator.
    let _ = TRIM.set(trim);
}

/// Abort every connection of this process and close its listeners, because it is about to end, and wait until
/// the peers are told; for *most* at the longest. Queues hand out nothing more.
pub fn abort_all(most: Duration) {
    let engine = CURRENT.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    if let Some(engine) = engine.filter(|engine| engine.is_here()) {
        queue::silence();
        let (told, wait) = mpsc::channel();
        engine.push(Command::AbortAll(told));
        // It is never sent: that the other half is dropped ends the wait.
        let _ = wait.recv_timeout(most);
    }
}

/// The engine's thread, for as long as somebody holds this.
#[derive(Debug)]
pub(crate) struct Engine {
    mailbox: Arc<Mailbox>,
    process: u32,
}

impl Engine {
    /// The engine of this process, started if need be.
    fn get() -> io::Result<Arc<Self>> {
        // A fork cannot come between: it takes the interpreter's lock, which is held here.
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = current.upgrade().filter(|engine| engine.is_here()) {
            return Ok(engine);
        }
        let mailbox = Reactor::start(TRIM.get().copied().unwrap_or(|| ()))?;
        let engine = Arc::new(Self { mailbox, process: std::process::id() });
        *current = Arc::downgrade(&engine);
        Ok(engine)
    }

    /// Whether the thread is in this process, and not in one that this was forked from.
    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    fn push(&self, command: Command) {
        if self.is_here() {
            self.mailbox.push(command);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.is_here() {
            self.mailbox.ending.store(true, Ordering::SeqCst);
            self.mailbox.wake();
        }
    }
}

/// A connection. Dropping it aborts it.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    next_key: AtomicU64,
}

impl Connection {
    pub(crate) fn new(id: u64, engine: Arc<Engine>, shared: Arc<Shared>) -> Self {
        Self { id, engine, shared, next_key: AtomicU64::new(2) }
    }

    /// Names it in the events of its queue.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Open a channel; its key names it from now on.
    pub fn open_channel(&self) -> ChannelKey {
        let key = self.next_key.fetch_add(2, Ordering::Relaxed);
        self.engine.push(Command::OpenChannel(self.id, key));
        key
    }

    /// Queue messages on a channel. The caller keeps within the credit that it has.
    pub fn send(&self, key: ChannelKey, messages: Vec<Vec<u8>>) {
        self.engine.push(Command::Send(self.id, key, messages));
    }

    /// Reset a channel once its queue is empty.
    pub fn close_channel(&self, key: ChannelKey) {
        self.engine.push(Command::CloseChannel(self.id, key));
    }

    /// Reset a channel now.
    pub fn reset_channel(&self, key: ChannelKey) {
        self.engine.push(Command::ResetChannel(self.id, key));
    }

    /// Say that *count* more bytes of delivered data are not unread any more.
    pub fn consumed(&self, count: u64) {
        self.shared.consumed.fetch_add(count, Ordering::SeqCst);
        if self.shared.may_resume() {
            self.engine.push(Command::Resume(self.id));
        }
    }

    /// Whether data has arrived that is not delivered before more is consumed.
    pub fn is_stalled(&self) -> bool {
        self.shared.stalled.load(Ordering::SeqCst)
    }

    /// Have nothing more delivered; the peer is slowed down.
    pub fn pause(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        self.engine.push(Command::Resume(self.id));
    }

    /// Have data delivered again.
    pub fn resume(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
        self.engine.push(Command::Resume(self.id));
    }

    /// End it once the peer has everything.
    pub fn close(&self) {
        self.engine.push(Command::Close(self.id));
    }

    /// End it now.
    pub fn abort(&self) {
        self.engine.push(Command::Abort(self.id));
    }

    /// Say that its peer is authenticated: until then a listener's connection may give way to others.
    pub fn authenticated(&self) {
        self.engine.push(Command::Authenticated(self.id));
    }

    /// Counters, as of the engine's last work on it.
    pub fn stats(&self) -> Stats {
        if !self.engine.is_here() {
            return Stats::default();
        }
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that were delivered and are not consumed.
    pub fn unread(&self) -> u64 {
        let delivered = self.shared.delivered.load(Ordering::SeqCst);
        delivered.saturating_sub(self.shared.consumed.load(Ordering::SeqCst))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort();
    }
}

/// A listener. Dropping it closes it.
#[derive(Debug)]
pub struct Listener {
    id: u64,
    engine: Arc<Engine>,
    local: SocketAddr,
    view: Arc<ListenerView>,
}

impl Listener {
    /// The address that it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// How it stood after the engine's last work on it.
    pub fn state(&self) -> ListenerState {
        if !self.engine.is_here() {
            return ListenerState::default();
        }
        *self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Abort its connections and free its socket; then its queue says `ListenerClosed`.
    pub fn close(&self) {
        self.engine.push(Command::CloseListener(self.id));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

/// Dial. The queue says `Connected` or `Closed` of it.
///
/// # Errors
/// Where no socket can be had, or the system has no way to send there.
pub fn dial(mut parameters: DialParameters, queue: &EventQueue) -> io::Result<Connection> {
    let engine = Engine::get()?;
    let any: std::net::IpAddr = match parameters.remote {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = socket::bind(SocketAddr::new(any, 0))?;
    socket::check_route(parameters.remote)?;
    fit_window(&mut parameters.config, &socket);
    let id = engine.mailbox.new_id();
    let shared = Arc::new(Shared::new(parameters.config.unread_bytes));
    let sender = queue.sender();
    engine.push(Command::Dial(id, Box::new(parameters), socket, Arc::clone(&shared), sender));
    Ok(Connection::new(id, engine, shared))
}

/// Listen. The queue says `Accepted` of each connection.
///
/// # Errors
/// Where the address cannot be bound.
pub fn listen(mut parameters: ListenParameters, queue: &EventQueue) -> io::Result<Listener> {
    let engine = Engine::get()?;
    let socket = socket::bind(parameters.local)?;
    fit_window(&mut parameters.config, &socket);
    let local = socket.local_addr()?;
    let id = engine.mailbox.new_id();
    let sender = queue.sender();
    let weak = Arc::downgrade(&engine);
    let view = Arc::new(ListenerView::default());
    let theirs = Arc::clone(&view);
    engine.push(Command::Listen(id, Box::new(parameters), socket, sender, weak, theirs));
    Ok(Listener { id, engine, local, view })
}

/// A window that the socket's buffer cannot hold only makes the kernel drop what the peer may send.
fn fit_window(config: &mut Config, socket: &std::net::UdpSocket) {
    // The kernel counts what a datagram occupies, about twice what is in it.
    let fits = socket::receive_buffer_size(socket) / 2;
    let sctp = &mut config.sctp;
    sctp.first_window = sctp.first_window.min(fits.max(4 * sctp.max_message));
}
