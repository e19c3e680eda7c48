//! One thread around one fleet: sockets, clock, commands, nothing else.
//!
//! `socket, mailbox, clock → **engine** → fleet → socket, events`
//!
//! Endpoints of a server on loopback share one socket, bound to every address; each is told apart by an address of its
//! own in 127.0.0.0/8.  Towards any other server each endpoint has a socket, behind one epoll descriptor.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use super::clip::Clip;
use super::config::{EndpointConfig, EndpointMedia};
use super::events::LoadEvents;
use super::fleet::Fleet;
use super::totals::{EndpointStats, Snapshot};
use crate::demux::Path;
use crate::egress::Egress;
use crate::net::{self, Inbox, Poller, UdpSocket, WakeUp, thread_cpu_time, wait};
use crate::srtp::{Inbound, Outbound};
use crate::time::{Instant, Ntp};
use crate::worker::CommandError;

/// Commands waiting; beyond it the caller is told.
const MAX_COMMANDS: usize = 262_144;
/// recvmmsg calls before timers are looked at again.
const RECEIVES_AT_ONCE: usize = 8;
/// Bytes asked for the shared socket's receive buffer: a second of 1 Gbit/s.
const SHARED_BUFFER: usize = 128 * 1_024 * 1_024;
/// How long `snapshot` waits for the thread.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something for the thread to do.
pub enum LoadCommand {
    /// Packets for publishers.
    AddClip(Arc<Clip>),
    /// An endpoint, with its own socket where it does not share one.
    AddEndpoint {
        /// The number of those before it.
        id: u32,
        /// How it reaches the server.
        config: Box<EndpointConfig>,
        /// Of its own.
        socket: Option<UdpSocket>,
    },
    /// A DTLS datagram to the server.
    SendDtls {
        /// Whose.
        id: u32,
        /// As it is sent.
        datagram: Vec<u8>,
    },
    /// SRTP keys of both directions.
    SetKeys {
        /// Whose.
        id: u32,
        /// What comes in, what goes out.
        keys: Box<(Inbound, Outbound)>,
    },
    /// All media anew.
    SetMedia {
        /// Whose.
        id: u32,
        /// What it sends and receives.
        media: Box<EndpointMedia>,
    },
    /// Pause or go on.
    SetSending {
        /// Whose.
        id: u32,
        /// The m-line.
        mid: String,
        /// Go on.
        sending: bool,
    },
    /// Send these layers alone.
    SetLayers {
        /// Whose.
        id: u32,
        /// The m-line.
        mid: String,
        /// Their RIDs.
        rids: Vec<String>,
    },
    /// Forget.
    RemoveEndpoint {
        /// Whom.
        id: u32,
    },
    /// Counts begin anew.
    Reset,
    /// Totals.
    Snapshot {
        /// Where to.
        reply: mpsc::SyncSender<Snapshot>,
    },
    /// Every endpoint.
    Stats {
        /// Where to.
        reply: mpsc::SyncSender<Vec<EndpointStats>>,
    },
}

/// How an engine is set up.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Of everything that chance decides.
    pub seed: u64,
    /// One received media packet of so many is checked.
    pub check_every: u32,
    /// The processor that the thread stays on.
    pub cpu: Option<usize>,
}

/// One running engine; dropping it ends the thread.
pub struct Engine {
    shared: Arc<Mailbox>,
    events: Arc<LoadEvents>,
    thread: Option<JoinHandle<()>>,
}

struct Mailbox {
    commands: Mutex<Vec<LoadCommand>>,
    wake: WakeUp,
    stopping: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether endpoints of a server share one socket.
#[must_use]
pub fn shares_socket(server: &SocketAddr) -> bool {
    matches!(server.ip(), IpAddr::V4(ip) if ip.is_loopback())
}

/// A socket for one endpoint that does not share one.
///
/// # Errors
/// The process is out of descriptors.
pub fn own_socket(server: &SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind(SocketAddr::new(any, 0))
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// The processor is not there, or the process is out of descriptors.
    pub fn start(config: EngineConfig) -> io::Result<Self> {
        let shared = Arc::new(Mailbox {
            commands: Mutex::default(),
            wake: WakeUp::new()?,
            stopping: AtomicBool::new(false),
        });
        let events = Arc::new(LoadEvents::new()?);
        let running = Running::new(config, Arc::clone(&shared), Arc::clone(&events))?;
        let (begun, begins) = mpsc::sync_channel(1);
        let body = move || {
            let pinned = config.cpu.map_or(Ok(()), net::pin_thread);
            let good = pinned.is_ok();
            begun.send(pinned).ok();
            if good {
                running.run();
            }
        };
        let thread = thread::Builder::new().name("load".into()).spawn(body)?;
        begins.recv().map_err(|_| io::ErrorKind::BrokenPipe)??;
        Ok(Self {
            shared,
            events,
            thread: Some(thread),
        })
    }

    /// What Python has to know.
    #[must_use]
    pub const fn events(&self) -> &Arc<LoadEvents> {
        &self.events
    }

    /// Hands a command over.
    ///
    /// # Errors
    /// [`CommandError`] if the thread has ended or does not keep up.
    pub fn command(&self, command: LoadCommand) -> Result<(), CommandError> {
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(CommandError::Stopped);
        }
        let mut commands = lock(&self.shared.commands);
        if commands.len() >= MAX_COMMANDS {
            return Err(CommandError::Overloaded);
        }
        commands.push(command);
        if commands.len() == 1 {
            self.shared.wake.notify();
        }
        Ok(())
    }

    /// Totals since the last reset, of one moment.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub fn snapshot(&self) -> Result<Snapshot, CommandError> {
        self.ask(|reply| LoadCommand::Snapshot { reply })
    }

    /// Every endpoint that is not removed, of one moment.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub fn stats(&self) -> Result<Vec<EndpointStats>, CommandError> {
        self.ask(|reply| LoadCommand::Stats { reply })
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(mpsc::SyncSender<T>) -> LoadCommand,
    ) -> Result<T, CommandError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.command(question(reply))?;
        answer
            .recv_timeout(PATIENCE)
            .map_err(|_| CommandError::Overloaded)
    }

    /// Ends the thread and waits for it; again is harmless.
    pub fn close(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake.notify();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by it; the sockets are closed either way.
            thread.join().ok();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// What only the shell can count, and what of it lay before the last reset.
#[derive(Clone, Copy, Debug, Default)]
struct ShellCounts {
    wakeups: u64,
    send_dropped: u64,
    egress_dropped: u64,
    socket_drops: u64,
    cpu: Duration,
}

/// What the thread owns.
struct Running {
    mailbox: Arc<Mailbox>,
    events: Arc<LoadEvents>,
    fleet: Fleet,
    shared: UdpSocket,
    own: HashMap<u32, UdpSocket>,
    poller: Poller,
    ready: Vec<u32>,
    inbox: Inbox,
    egress: Egress,
    commands: Vec<LoadCommand>,
    counts: ShellCounts,
    before: ShellCounts,
}

fn now() -> Instant {
    Instant::from_nanos(net::monotonic().as_nanos() as u64)
}

impl Running {
    fn new(
        config: EngineConfig,
        mailbox: Arc<Mailbox>,
        events: Arc<LoadEvents>,
    ) -> io::Result<Self> {
        let now = now();
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let begin = unix.saturating_sub(now.saturating_since(Instant::default()));
        let shared = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
        shared.set_receive_buffer(SHARED_BUFFER);
        Ok(Self {
            mailbox,
            events,
            fleet: Fleet::new(Ntp::from_unix(begin), config.seed, config.check_every, now),
            shared,
            own: HashMap::new(),
            poller: Poller::new()?,
            ready: Vec::new(),
            inbox: Inbox::default(),
            egress: Egress::default(),
            commands: Vec::new(),
            counts: ShellCounts::default(),
            before: ShellCounts::default(),
        })
    }

    fn run(mut self) {
        while !self.mailbox.stopping.load(Ordering::Acquire) {
            let ready = self.rest();
            if ready[0] {
                self.mailbox.wake.clear();
            }
            self.obey();
            if ready[1] {
                self.receive_shared();
            }
            if ready[2] {
                self.receive_own();
            }
            self.on_deadline();
            self.flush_shared();
            self.events.push(self.fleet.events());
        }
    }

    fn rest(&mut self) -> [bool; 3] {
        let until = self.fleet.deadline().map(|at| at.saturating_since(now()));
        let descriptors = [
            self.mailbox.wake.as_raw_fd(),
            self.shared.as_raw_fd(),
            self.poller.as_raw_fd(),
        ];
        self.counts.wakeups += 1;
        wait(descriptors, until)
    }

    fn obey(&mut self) {
        std::mem::swap(&mut *lock(&self.mailbox.commands), &mut self.commands);
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            self.command(command, now());
        }
        self.commands = commands;
    }

    fn command(&mut self, command: LoadCommand, now: Instant) {
        match command {
            LoadCommand::AddClip(clip) => self.fleet.add_clip(clip),
            LoadCommand::AddEndpoint { id, config, socket } => {
                self.add_endpoint(id, &config, socket, now)
            }
            LoadCommand::SendDtls { id, datagram } => {
                self.enter(id);
                self.fleet.send_dtls(id, &datagram, &mut self.egress, now);
                self.flush_own(id);
            }
            LoadCommand::SetKeys { id, keys } => self.fleet.set_keys(id, keys.0, keys.1, now),
            LoadCommand::SetMedia { id, media } => self.fleet.set_media(id, &media, now),
            LoadCommand::SetSending { id, mid, sending } => {
                self.fleet.set_sending(id, &mid, sending, now)
            }
            LoadCommand::SetLayers { id, mid, rids } => self.fleet.set_layers(id, &mid, &rids, now),
            LoadCommand::RemoveEndpoint { id } => self.remove_endpoint(id),
            LoadCommand::Reset => self.reset(),
            // Nobody waits any more if it cannot be handed over.
            LoadCommand::Snapshot { reply } => drop(reply.send(self.snapshot(now))),
            LoadCommand::Stats { reply } => drop(reply.send(self.fleet.stats())),
        }
    }

    fn add_endpoint(
        &mut self,
        id: u32,
        config: &EndpointConfig,
        socket: Option<UdpSocket>,
        now: Instant,
    ) {
        let local = socket.is_none().then(|| Fleet::address_of(id).into());
        if let Some(socket) = socket {
            // It can only fail for want of kernel memory; then the endpoint is told as lost.
            self.poller.add(socket.as_raw_fd(), id).ok();
            self.own.insert(id, socket);
        }
        let path = Path {
            remote: config.remote,
            local,
        };
        self.fleet.add(id, config, path, now);
    }

    fn remove_endpoint(&mut self, id: u32) {
        self.fleet.remove(id);
        if let Some(socket) = self.own.remove(&id) {
            self.counts.socket_drops += u64::from(socket.drops());
        }
    }

    /// What waits in the shared socket, some at a time.
    fn receive_shared(&mut self) {
        for _ in 0..RECEIVES_AT_ONCE {
            // An error of receiving is one of a datagram sent before (ICMP); there is nothing to do about it.
            let messages = self.shared.receive(&mut self.inbox).unwrap_or(0);
            let now = now();
            for (path, datagram) in self.inbox.datagrams() {
                if let Some(id) = Fleet::endpoint_at(path.local) {
                    self.fleet
                        .receive(id, &path, datagram, &mut self.egress, now);
                }
            }
            if messages < Inbox::SLOTS {
                return;
            }
        }
    }

    fn receive_own(&mut self) {
        self.poller.ready(&mut self.ready);
        let mut ready = std::mem::take(&mut self.ready);
        for id in ready.drain(..) {
            self.enter(id);
            let Some(socket) = self.own.get(&id) else {
                continue;
            };
            socket.receive(&mut self.inbox).ok();
            let now = now();
            for (path, datagram) in self.inbox.datagrams() {
                self.fleet
                    .receive(id, &path, datagram, &mut self.egress, now);
            }
            self.flush_own(id);
        }
        self.ready = ready;
    }

    /// Everybody whose time has come by now; what they send is stamped with the time it is by then.
    fn on_deadline(&mut self) {
        let begin = now();
        while let Some(id) = self.fleet.take_due(begin) {
            self.enter(id);
            self.fleet.on_deadline(id, &mut self.egress, now());
            self.flush_own(id);
            if self.egress.is_full() {
                self.flush_shared();
            }
        }
    }

    /// What the shared socket has to send must not leave from an endpoint's own.
    fn enter(&mut self, id: u32) {
        if self.own.contains_key(&id) {
            self.flush_shared();
        }
    }

    /// Sends what an endpoint with a socket of its own has written; that of the others is kept for one send.
    fn flush_own(&mut self, id: u32) {
        if let Some(socket) = self.own.get_mut(&id) {
            self.counts.send_dropped += socket.send(&self.egress).dropped;
            self.egress.clear();
        }
    }

    fn flush_shared(&mut self) {
        if !self.egress.is_empty() {
            self.counts.send_dropped += self.shared.send(&self.egress).dropped;
            self.egress.clear();
        }
    }

    fn counts(&self) -> ShellCounts {
        let own = self
            .own
            .values()
            .map(|socket| u64::from(socket.drops()))
            .sum::<u64>();
        ShellCounts {
            egress_dropped: self.egress.dropped,
            socket_drops: self.counts.socket_drops + own + u64::from(self.shared.drops()),
            cpu: thread_cpu_time(),
            ..self.counts
        }
    }

    fn reset(&mut self) {
        self.fleet.reset();
        self.before = self.counts();
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        let (counts, before) = (self.counts(), self.before);
        let mut snapshot = self.fleet.snapshot(now);
        snapshot.totals.send_dropped += counts.send_dropped - before.send_dropped;
        snapshot.totals.send_dropped += counts.egress_dropped - before.egress_dropped;
        snapshot.socket_drops = counts.socket_drops.saturating_sub(before.socket_drops);
        snapshot.wakeups = counts.wakeups - before.wakeups;
        snapshot.cpu = counts.cpu.saturating_sub(before.cpu);
        snapshot
    }
}
