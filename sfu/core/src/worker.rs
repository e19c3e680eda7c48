//! One thread with one socket around one router.
//!
//! `socket, mailbox, commands, clock → **worker** → router → socket, events, mailboxes of other workers`
//!
//! It waits for the socket, a command, another worker or the deadline, whichever comes first.  An idle core answers each
//! packet at once; one that has no time left lets packets gather before it looks again, so that they leave in larger GSO
//! messages: latency is spent only where it buys throughput (`gather.rs`).  It never rests while packets wait that it has
//! not seen: they would find the socket full, and what is lost there is asked for again, by everybody.  What the others
//! are to get leaves before its own packets.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as StdInstant, SystemTime};

use crate::commands::Command;
use crate::events::{EventQueue, PeerId};
use crate::gather::Gather;
use crate::mailbox::Mailbox;
use crate::net::{Inbox, UdpSocket, WakeUp, thread_cpu_time, wait};
use crate::relay::Relay;
use crate::router::Router;
use crate::snapshot::Snapshot;
use crate::stats::{Counters, PeerStats};
use crate::time::{Instant, Ntp};

/// Commands waiting; beyond it the caller is told.
const MAX_COMMANDS: usize = 65_536;
/// recvmmsg calls before the router is asked to send.
const RECEIVES_AT_ONCE: usize = 4;
/// How often CPU time is published; counters are at every round.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);
/// How often audio levels are: a packet of sound is so long.
const LEVELS_INTERVAL: Duration = Duration::from_millis(20);
/// Published levels are looked at again after this, even if nothing happens.
const LEVELS_STALE: Duration = Duration::from_millis(500);
/// A core that has fallen behind puts off repairs for so long from each look at its socket.
const REPAIRS_LATER: Duration = Duration::from_millis(100);
/// Sets the workers' first numbers apart.
const SEED_STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// How long a snapshot is waited for.
const STATS_TIMEOUT: Duration = Duration::from_secs(5);

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
    asked: Mutex<Vec<SyncSender<Vec<PeerStats>>>>,
    mailbox: Mailbox,
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
    /// Starts a thread on each bound socket; the workers of a core hand each other packets.
    pub fn start_all(
        sockets: Vec<UdpSocket>,
        events: &Arc<EventQueue>,
        seed: u64,
    ) -> io::Result<Vec<Self>> {
        let shared: io::Result<Vec<_>> = sockets.iter().map(|_| Shared::new()).collect();
        let (shared, clock) = (shared?, Clock::start());
        let start = |(index, socket): (usize, UdpSocket)| {
            let seed = seed.wrapping_add((index as u64).wrapping_mul(SEED_STEP));
            let router = Router::new(clock.wall, seed);
            let running = Running::new(index, socket, &shared, events, clock, router);
            Self::start(running)
        };
        sockets.into_iter().enumerate().map(start).collect()
    }

    fn start(running: Running) -> io::Result<Self> {
        let (shared, local) = (Arc::clone(&running.shared), running.socket.local());
        let name = format!("core-{}", running.index);
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

    fn check_running(&self) -> Result<(), CommandError> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            _ => Err(CommandError::Stopped),
        }
    }

    /// Hands a command over.
    pub fn command(&self, command: Command) -> Result<(), CommandError> {
        self.check_running()?;
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

    /// Asks for a snapshot of all peers, which the thread takes in slices between its rounds.
    pub fn ask_stats(&self) -> Result<Asked, CommandError> {
        self.check_running()?;
        let (reply, answer) = mpsc::sync_channel(1);
        lock(&self.shared.asked).push(reply);
        self.shared.wake.notify();
        Ok(Asked(answer))
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

/// A snapshot that is on its way.
pub struct Asked(Receiver<Vec<PeerStats>>);

impl Asked {
    /// Waits for it.
    pub fn wait(self) -> Result<Vec<PeerStats>, CommandError> {
        self.0
            .recv_timeout(STATS_TIMEOUT)
            .map_err(|_| CommandError::Stopped)
    }
}

impl Shared {
    fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            commands: Mutex::default(),
            asked: Mutex::default(),
            mailbox: Mailbox::default(),
            wake: WakeUp::new()?,
            stopping: AtomicBool::new(false),
            published: Mutex::default(),
        }))
    }
}

/// What all workers of a core take the time from: packets and timestamps that cross mean the same everywhere.
#[derive(Clone, Copy)]
struct Clock {
    epoch: StdInstant,
    wall: Ntp,
}

impl Clock {
    fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            epoch: StdInstant::now(),
            wall: Ntp::from_unix(unix),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread owns.
struct Running {
    index: usize,
    socket: UdpSocket,
    shared: Arc<Shared>,
    /// Of all workers, by index.
    all: Vec<Arc<Shared>>,
    events: Arc<EventQueue>,
    router: Router,
    inbox: Inbox,
    commands: Vec<Command>,
    /// From other workers.
    mail: Vec<(usize, Relay)>,
    /// For each other worker.
    outgoing: Vec<Vec<Relay>>,
    snapshots: VecDeque<(SyncSender<Vec<PeerStats>>, Snapshot)>,
    clock: Clock,
    /// What the shell counts; the router counts the rest.
    counters: Counters,
    /// What the kernel has counted of `receive_dropped`, modulo 2^32.
    drops: u32,
    publish_at: Instant,
    levels_at: Instant,
    has_levels: bool,
    gather: Gather,
}

impl Running {
    fn new(
        index: usize,
        socket: UdpSocket,
        all: &[Arc<Shared>],
        events: &Arc<EventQueue>,
        clock: Clock,
        router: Router,
    ) -> Self {
        Self {
            index,
            socket,
            shared: Arc::clone(&all[index]),
            all: all.to_vec(),
            events: Arc::clone(events),
            router,
            inbox: Inbox::default(),
            commands: Vec::new(),
            mail: Vec::new(),
            outgoing: all.iter().map(|_| Vec::new()).collect(),
            snapshots: VecDeque::new(),
            clock,
            counters: Counters::default(),
            drops: 0,
            publish_at: Instant::default(),
            levels_at: Instant::default(),
            has_levels: false,
            gather: Gather::default(),
        }
    }

    fn run(mut self) {
        while !self.is_stopping() {
            self.round();
        }
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    /// Rests once, and works until nothing waits.
    fn round(&mut self) {
        self.rest();
        self.router.wait_for_frames(self.gather.wait());
        while self.work() && !self.is_stopping() {
            let now = self.clock.now();
            self.gather.goes_on(now);
            self.router.wait_for_frames(self.gather.wait());
            self.router.lags(self.gather.lag(now));
            if self.gather.is_behind(now) {
                self.router.put_off_repairs(now + REPAIRS_LATER);
            }
        }
    }

    /// Waits for something to do; when busy, a little longer.
    fn rest(&mut self) {
        let before = self.clock.now();
        let until = self.rest_at_most(before);
        let gather = self.gather.rest(before);
        let descriptors = [self.shared.wake.as_raw_fd(), self.socket.as_raw_fd()];
        let woken = if !gather.is_zero() {
            // Gathering: only a command or the deadline ends it early.
            let limit = until.map_or(gather, |until| until.min(gather));
            wait([descriptors[0]], Some(limit))[0]
        } else if self.shared.mailbox.doze() {
            wait(descriptors, until)[0]
        } else {
            false
        };
        if woken {
            self.shared.wake.clear();
        }
        let after = self.clock.now();
        self.gather.rested(before, after);
        self.counters.wakeups += 1;
    }

    /// Until something is due by itself.
    fn rest_at_most(&self, now: Instant) -> Option<Duration> {
        let deadline = self.router.deadline().map(|at| at.saturating_since(now));
        // A voice that has fallen silent without another packet must be told as silent.
        let levels = self.has_levels.then_some(LEVELS_STALE);
        let snapshot = (!self.snapshots.is_empty()).then_some(Duration::ZERO);
        [deadline, levels, snapshot].into_iter().flatten().min()
    }

    /// Takes some of what waits and sends what comes of it; says whether more may wait.
    fn work(&mut self) -> bool {
        self.take_asked();
        self.hear();
        let more = (0..RECEIVES_AT_ONCE).all(|_| self.receive());
        let now = self.clock.now();
        if self.is_due(now) {
            self.router.on_deadline(now);
        }
        // Python hears that a track is there before another worker can say what became of it.
        self.events.push(self.router.events());
        self.flush(now);
        self.events.push(self.router.events());
        self.tell_stats(now);
        self.publish(now);
        more || self.is_due(now)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.router.deadline().is_some_and(|at| at <= now)
    }

    /// Takes what other workers say, after the commands that they may have acted on.
    fn hear(&mut self) {
        let mut mail = std::mem::take(&mut self.mail);
        self.shared.mailbox.take(&mut mail);
        self.obey();
        let now = self.clock.now();
        for (from, relay) in mail.drain(..) {
            self.router.relayed(from, relay, now);
        }
        self.mail = mail;
    }

    fn obey(&mut self) {
        std::mem::swap(&mut *lock(&self.shared.commands), &mut self.commands);
        let now = self.clock.now();
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
        let now = self.clock.now();
        for (path, datagram) in self.inbox.datagrams() {
            self.router.receive(path, datagram, now);
        }
        messages == Inbox::SLOTS
    }

    fn flush(&mut self, now: Instant) {
        self.hand_over(now);
        while let Some(egress) = self.router.datagrams(self.clock.now()) {
            let sent = self.socket.send(egress);
            self.counters.datagrams_out += sent.datagrams;
            self.counters.octets_out += sent.octets;
            self.counters.messages_out += sent.messages;
            self.counters.gso_out += sent.segmented;
            self.counters.send_dropped += sent.dropped;
            self.counters.sends += sent.calls;
        }
        self.hand_over(now);
    }

    /// Puts what other workers are to get into their mailboxes; wakes those that doze.
    fn hand_over(&mut self, now: Instant) {
        for (to, relay) in self.router.relays(now).drain(..) {
            if let Some(outgoing) = self.outgoing.get_mut(to) {
                outgoing.push(relay);
            }
        }
        let outgoing = self.outgoing.iter_mut().zip(&self.all);
        for (relays, other) in outgoing.filter(|(relays, _)| !relays.is_empty()) {
            if other.mailbox.post(self.index, relays) {
                other.wake.notify();
            }
            relays
                .drain(..)
                .for_each(|relay| self.router.undelivered(&relay, now));
        }
    }

    /// Snapshots asked for.  Before the commands are: so what Python said before it asked is done when they begin.
    fn take_asked(&mut self) {
        let asked = std::mem::take(&mut *lock(&self.shared.asked));
        let begun = asked.into_iter().map(|reply| (reply, Snapshot::default()));
        self.snapshots.extend(begun);
    }

    /// One slice of the snapshot that was asked for first.
    fn tell_stats(&mut self, now: Instant) {
        let Some((_, snapshot)) = self.snapshots.front_mut() else {
            return;
        };
        if self.router.continue_snapshot(snapshot, now) {
            return;
        }
        if let Some((reply, snapshot)) = self.snapshots.pop_front() {
            // Who asked may have stopped waiting.
            reply.try_send(snapshot.peers).ok();
        }
    }

    fn publish(&mut self, now: Instant) {
        let levels = (now >= self.levels_at).then(|| self.router.levels(now));
        if levels.is_some() {
            self.levels_at = now + LEVELS_INTERVAL;
        }
        if now >= self.publish_at {
            self.publish_at = now + PUBLISH_INTERVAL;
            self.counters.cpu_ns = thread_cpu_time().as_nanos() as u64;
            let drops = self.socket.drops();
            self.counters.receive_dropped += u64::from(drops.wrapping_sub(self.drops));
            self.drops = drops;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(gather: Gather) -> Running {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let (shared, clock) = (Shared::new().expect("a descriptor"), Clock::start());
        let router = Router::new(clock.wall, 1);
        let events = Arc::new(EventQueue::new().expect("a descriptor"));
        let mut running = Running::new(0, socket, &[shared], &events, clock, router);
        running.gather = gather;
        running
    }

    fn send(to: SocketAddr, count: u64) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for _ in 0..count {
            socket.send_to(&[0x80; 100], to).expect("loopback takes it");
        }
    }

    #[test]
    fn everything_that_gathered_is_taken_before_it_rests_again() {
        let waiting = 5 * (RECEIVES_AT_ONCE * Inbox::SLOTS) as u64 / 2;
        let mut running = alone(Gather::of(Duration::from_millis(5)));
        send(running.socket.local(), waiting);
        running.round();
        let counters = running.router.counters();
        assert_eq!(counters.strangers, waiting);
        assert_eq!(running.counters.wakeups, 1);
    }

    #[test]
    fn what_finds_the_socket_full_is_counted() {
        let mut running = alone(Gather::default());
        running.socket.set_receive_buffer(1);
        send(running.socket.local(), 100);
        running.round();
        let (taken, lost) = (
            running.router.counters().strangers,
            running.counters.receive_dropped,
        );
        assert_eq!(taken + lost, 100);
        assert!(lost > 0);
    }
}
