//! One thread with one socket around one router.
//!
//! `socket, mailbox, clock → **worker** → router → socket, events`
//!
//! It waits for the socket, a command or the deadline, whichever comes first.  An idle core answers each packet at
//! once; one that has no time left lets packets gather before it looks again, so that they leave in larger GSO messages:
//! latency is spent only where it buys throughput (`gather.rs`).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as StdInstant, SystemTime};

use crate::commands::Command;
use crate::events::{EventQueue, PeerId};
use crate::gather::Gather;
use crate::net::{Inbox, UdpSocket, WakeUp, thread_cpu_time, wait};
use crate::router::Router;
use crate::stats::{Counters, PeerStats};
use crate::time::{Instant, Ntp};

/// Commands waiting; beyond it the caller is told.
const MAX_COMMANDS: usize = 65_536;
/// recvmmsg calls before the router is asked to send.
const RECEIVES_AT_ONCE: usize = 4;
/// How often audio levels and CPU time are published; counters are at every round.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);
/// Published levels are looked at again after this, even if nothing happens.
const LEVELS_STALE: Duration = Duration::from_millis(500);
/// How long `stats` waits for a worker.
const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// A worker's command could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The thread has ended.
    Stopped,
    /// Too many commands wait.
    Overloaded,
}

/// One running worker; dropping it ends the thread.
pub struct Worker {
    shared: Arc<Shared>,
    local: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    commands: Mutex<Vec<Command>>,
    wake: WakeUp,
    stopping: AtomicBool,
    published: Mutex<Published>,
}

#[derive(Default)]
struct Published {
    counters: Counters,
    levels: Vec<(PeerId, String, u8)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts a thread on a bound socket.
    pub fn start(
        index: usize,
        socket: UdpSocket,
        events: Arc<EventQueue>,
        seed: u64,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            commands: Mutex::default(),
            wake: WakeUp::new()?,
            stopping: AtomicBool::new(false),
            published: Mutex::default(),
        });
        let local = socket.local();
        let running = Running::new(socket, Arc::clone(&shared), events, seed);
        let name = format!("core-{index}");
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || running.run())?;
        Ok(Self {
            shared,
            local,
            thread: Some(thread),
        })
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Hands a command over.
    pub fn command(&self, command: Command) -> Result<(), CommandError> {
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

    /// A snapshot of all peers.
    pub fn stats(&self) -> Result<Vec<PeerStats>, CommandError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.command(Command::Stats { reply })?;
        answer
            .recv_timeout(STATS_TIMEOUT)
            .map_err(|_| CommandError::Stopped)
    }

    /// Totals since the start, as of the thread's last round.
    pub fn counters(&self) -> Counters {
        lock(&self.shared.published).counters
    }

    /// Peer, m-line and smoothed level of every audio track that has told one.
    pub fn levels(&self) -> Vec<(PeerId, String, u8)> {
        lock(&self.shared.published).levels.clone()
    }

    /// Ends the thread and waits for it; again is harmless.
    pub fn close(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake.notify();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by it; the socket is closed either way.
            thread.join().ok();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread owns.
struct Running {
    socket: UdpSocket,
    shared: Arc<Shared>,
    events: Arc<EventQueue>,
    router: Router,
    inbox: Inbox,
    commands: Vec<Command>,
    epoch: StdInstant,
    /// What the shell counts; the router counts the rest.
    counters: Counters,
    publish_at: Instant,
    has_levels: bool,
    gather: Gather,
}

impl Running {
    fn new(socket: UdpSocket, shared: Arc<Shared>, events: Arc<EventQueue>, seed: u64) -> Self {
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            socket,
            shared,
            events,
            router: Router::new(Ntp::from_unix(unix), seed),
            inbox: Inbox::default(),
            commands: Vec::new(),
            epoch: StdInstant::now(),
            counters: Counters::default(),
            publish_at: Instant::default(),
            has_levels: false,
            gather: Gather::default(),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    fn run(mut self) {
        while !self.shared.stopping.load(Ordering::Acquire) {
            self.rest();
            self.work();
        }
    }

    /// Waits for something to do; when busy, a little longer.
    fn rest(&mut self) {
        let before = self.now();
        let until = self.router.deadline().map(|at| at.saturating_since(before));
        // A voice that has fallen silent without another packet must be told as silent.
        let until = if self.has_levels {
            Some(until.unwrap_or(LEVELS_STALE).min(LEVELS_STALE))
        } else {
            until
        };
        let descriptors = [self.shared.wake.as_raw_fd(), self.socket.as_raw_fd()];
        let gather = self.gather.rest(before);
        let commanded = if gather.is_zero() {
            wait(descriptors, until)[0]
        } else {
            // Gathering: only a command or the deadline ends it early.
            let limit = until.map_or(gather, |until| until.min(gather));
            wait([descriptors[0]], Some(limit))[0]
        };
        if commanded {
            self.shared.wake.clear();
        }
        let after = self.now();
        self.gather.rested(before, after);
        self.counters.wakeups += 1;
    }

    fn work(&mut self) {
        self.obey();
        for _ in 0..RECEIVES_AT_ONCE {
            if !self.receive() {
                break;
            }
        }
        let now = self.now();
        if self.router.deadline().is_some_and(|at| at <= now) {
            self.router.on_deadline(now);
        }
        self.flush(now);
        self.events.push(self.router.events());
        self.publish(now);
    }

    fn obey(&mut self) {
        std::mem::swap(&mut *lock(&self.shared.commands), &mut self.commands);
        let now = self.now();
        for command in self.commands.drain(..) {
            self.router.command(command, now);
        }
    }

    /// One recvmmsg into the router; whether more may wait.
    fn receive(&mut self) -> bool {
        // An error of receiving is one of a datagram sent before (ICMP); there is nothing to do about it.
        let messages = self.socket.receive(&mut self.inbox).unwrap_or(0);
        if messages == 0 {
            return false;
        }
        self.counters.receives += 1;
        // What Python said before these datagrams were sent holds for them: a peer that was just added may knock.
        self.obey();
        let now = Instant::from_nanos(self.epoch.elapsed().as_nanos() as u64);
        for (path, datagram) in self.inbox.datagrams() {
            self.router.receive(path, datagram, now);
        }
        messages == Inbox::SLOTS
    }

    fn flush(&mut self, now: Instant) {
        while let Some(egress) = self.router.datagrams(now) {
            let sent = self.socket.send(egress);
            self.counters.datagrams_out += sent.datagrams;
            self.counters.messages_out += sent.messages;
            self.counters.gso_out += sent.segmented;
            self.counters.send_dropped += sent.dropped;
            self.counters.sends += sent.calls;
        }
    }

    fn publish(&mut self, now: Instant) {
        let due = now >= self.publish_at;
        let levels = due.then(|| self.router.levels(now));
        if due {
            self.publish_at = now + PUBLISH_INTERVAL;
            self.counters.cpu_ns = thread_cpu_time().as_nanos() as u64;
        }
        let mut counters = self.router.counters();
        counters.add(&self.counters);
        let mut published = lock(&self.shared.published);
        published.counters = counters;
        if let Some(levels) = levels {
            self.has_levels = !levels.is_empty();
            published.levels = levels;
        }
    }
}
