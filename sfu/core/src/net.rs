//! Everything that asks the kernel: the UDP socket, the wake-up descriptor, waiting.  The only unsafe file.
//!
//! `socket → **net** (recvmmsg, UDP_GRO) → router → egress → **net** (sendmmsg, UDP_SEGMENT) → socket`
//!
//! A kernel that lacks GRO or GSO, or refuses them on a route, is noticed at run time and served plainly.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::demux::Path;
use crate::egress::{Egress, Message};

/// Messages of one recvmmsg.
const INBOX_SLOTS: usize = 64;
/// Bytes of one received message: with GRO the kernel hands over up to 64 KiB at once.
const SLOT_BYTES: usize = 65_536;
/// Bytes asked for the receive buffer: the kernel counts 768 for a report of a few dozen, so this is half a second of those of 4,000
/// receivers.  It gives what net.core.rmem_max allows.
const RECEIVE_BUFFER: usize = 16 * 1_024 * 1_024;
/// Bytes asked for the send buffer: 30 ms of 1 Gbit/s.
const SEND_BUFFER: usize = 4 * 1_024 * 1_024;
/// Control data of one message: IP_PKTINFO or IPV6_PKTINFO, and UDP_GRO or UDP_SEGMENT.
const CONTROL_BYTES: usize = 96;
/// Messages of one sendmmsg: more gains nothing and keeps the headers out of the cache.
const SEND_BATCH: usize = 128;
/// A full socket buffer is waited for this long, this often, in one send; then the rest is dropped.
const SEND_WAIT: Duration = Duration::from_millis(1);
const SEND_RETRIES: u32 = 2;
/// GSO messages refused one after another before the socket stops trying.
const GSO_REFUSALS: u32 = 8;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Received messages: one recvmmsg fills it, `datagrams` takes it apart.
pub struct Inbox {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    filled: Vec<Filled>,
}

// SAFETY: the pointers are written and read within one `UdpSocket::receive`.
unsafe impl Send for Inbox {}

#[derive(Clone, Copy)]
struct Filled {
    path: Path,
    len: usize,
    segment: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        // SAFETY: all three are plain C structs for which all zeroes is a value.
        let (name, header, vector) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            bytes: vec![0; INBOX_SLOTS * SLOT_BYTES],
            names: vec![name; INBOX_SLOTS],
            controls: vec![Control([0; CONTROL_BYTES]); INBOX_SLOTS],
            headers: vec![header; INBOX_SLOTS],
            vectors: vec![vector; INBOX_SLOTS],
            filled: Vec::with_capacity(INBOX_SLOTS),
        }
    }
}

impl Inbox {
    /// Messages it takes at a time.
    pub const SLOTS: usize = INBOX_SLOTS;

    /// Every datagram of the last batch with the way it came, GRO taken apart; the bytes may be changed in place.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        let slots = self.bytes.chunks_mut(SLOT_BYTES);
        self.filled.iter().zip(slots).flat_map(|(filled, slot)| {
            // An empty datagram has no chunk: it is dropped here.
            slot[..filled.len]
                .chunks_mut(filled.segment.max(1))
                .map(|datagram| (filled.path, datagram))
        })
    }

    fn prepare(&mut self) -> *mut libc::mmsghdr {
        for i in 0..INBOX_SLOTS {
            self.vectors[i] = libc::iovec {
                iov_base: self.bytes[i * SLOT_BYTES..].as_mut_ptr().cast(),
                iov_len: SLOT_BYTES,
            };
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
            header.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
        }
        self.headers.as_mut_ptr()
    }

    fn take(&mut self, count: usize) {
        self.filled.clear();
        for i in 0..count {
            let len = self.headers[i].msg_len as usize;
            let (local, segment) = read_control(&self.headers[i].msg_hdr);
            let remote = read_name(&self.names[i]);
            let path = Path { remote, local };
            self.filled.push(Filled {
                path,
                len,
                segment: segment.unwrap_or(len),
            });
        }
    }
}

/// One bound, non-blocking UDP socket.
pub struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
    gso: bool,
    refusals: u32,
    outbox: Outbox,
}

/// What came of one [`UdpSocket::send`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Datagrams the kernel took.
    pub datagrams: u64,
    /// Octets in these.
    pub octets: u64,
    /// Of these, datagrams that left in a GSO message.
    pub segmented: u64,
    /// Messages they left in.
    pub messages: u64,
    /// Datagrams dropped: the socket buffer stayed full, or the kernel refused the address.
    pub dropped: u64,
    /// System calls.
    pub calls: u64,
}

impl UdpSocket {
    /// Binds; the error names the address.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::open(address).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot bind UDP {address}: {}", plain(&error)),
            )
        })
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        socket.bind(&address.into())?;
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or(io::ErrorKind::InvalidInput)?;
        if local.ip().is_unspecified() {
            ask_for_local_address(&socket, local.is_ipv6());
        }
        option(&socket, libc::SOL_UDP, libc::UDP_GRO, 1).ok();
        // A kernel that knows the option takes 0 as "not by default"; each message brings its own size.
        let gso = option(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            socket,
            local,
            gso,
            refusals: 0,
            outbox: Outbox::default(),
        })
    }

    /// The same socket for another thread.
    pub fn try_clone(&self) -> io::Result<Self> {
        let outbox = Outbox::default();
        Ok(Self {
            socket: self.socket.try_clone()?,
            outbox,
            ..*self
        })
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Segmentation in the kernel is in use.
    pub fn gso(&self) -> bool {
        self.gso
    }

    /// From now on datagrams come one by one, as they do to a browser.
    pub fn forgo_gro(&self) {
        option(&self.socket, libc::SOL_UDP, libc::UDP_GRO, 0).ok();
    }

    /// From now on without GSO, as on a kernel that lacks it.
    pub fn forgo_gso(&mut self) {
        self.gso = false;
    }

    /// Datagrams that found no room in the socket's buffer, modulo 2^32 (SO_MEMINFO, linux/sock_diag.h).
    pub fn drops(&self) -> u32 {
        const SK_MEMINFO_DROPS: usize = 8;
        let mut values = [0_u32; SK_MEMINFO_DROPS + 1];
        let mut len = mem::size_of_val(&values) as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes.
        unsafe {
            let out = values.as_mut_ptr().cast();
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                out,
                &mut len,
            );
        }
        values[SK_MEMINFO_DROPS]
    }

    /// Asks for another size of the receive buffer; the kernel gives what it allows.
    pub fn set_receive_buffer(&self, bytes: usize) {
        resize(&self.socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, bytes);
    }

    /// One recvmmsg: how many messages came; 0 when none wait.
    pub fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        inbox.filled.clear();
        let headers = inbox.prepare();
        // SAFETY: `prepare` has pointed every header at memory that `inbox` owns and that outlives the call.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers,
                INBOX_SLOTS as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        match usize::try_from(count) {
            Ok(count) => {
                inbox.take(count);
                Ok(count)
            }
            Err(_) => match io::Error::last_os_error() {
                error
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    Ok(0)
                }
                error => Err(error),
            },
        }
    }

    /// Sends everything, as far as the kernel takes it.
    pub fn send(&mut self, egress: &Egress) -> Sent {
        let mut sent = Sent::default();
        for messages in egress.messages().chunks(SEND_BATCH) {
            self.outbox
                .fill(egress, messages, self.local.is_ipv6(), self.gso);
            self.drain(&mut sent);
        }
        sent
    }

    fn drain(&mut self, sent: &mut Sent) {
        let (mut done, mut retries) = (0, 0);
        while done < self.outbox.headers.len() {
            sent.calls += 1;
            match self.outbox.send(self.socket.as_raw_fd(), done) {
                Ok(count) => {
                    self.count(done..done + count, sent);
                    done += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) && retries < SEND_RETRIES => {
                    retries += 1;
                    wait_writable(self.socket.as_raw_fd(), SEND_WAIT);
                }
                Err(error) if is_full(&error) => {
                    sent.dropped += self.outbox.segments[done..]
                        .iter()
                        .map(|&n| u64::from(n))
                        .sum::<u64>();
                    return;
                }
                Err(error) => {
                    self.refused(done, &error, sent);
                    done += 1;
                }
            }
        }
    }

    fn count(&mut self, messages: std::ops::Range<usize>, sent: &mut Sent) {
        let segments = &self.outbox.segments[messages.clone()];
        for (&segments, header) in segments.iter().zip(&self.outbox.headers[messages]) {
            sent.datagrams += u64::from(segments);
            sent.octets += u64::from(header.msg_len);
            sent.messages += 1;
            if segments > 1 {
                sent.segmented += u64::from(segments);
                self.refusals = 0;
            }
        }
    }

    /// The kernel refuses one message: without its GSO if that may be why, else not at all.
    fn refused(&mut self, index: usize, error: &io::Error, sent: &mut Sent) {
        let segments = u64::from(self.outbox.segments[index]);
        let blames_gso = matches!(
            error.raw_os_error(),
            Some(libc::EINVAL | libc::EIO | libc::ENOPROTOOPT)
        );
        if segments < 2 || !blames_gso {
            sent.dropped += segments;
            return;
        }
        self.refusals += 1;
        if self.refusals >= GSO_REFUSALS {
            self.gso = false;
        }
        let (taken, octets) = self.outbox.send_apart(self.socket.as_raw_fd(), index);
        sent.calls += segments;
        sent.datagrams += taken;
        sent.octets += octets;
        sent.messages += taken;
        sent.dropped += segments - taken;
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// The headers of one sendmmsg.
#[derive(Default)]
struct Outbox {
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    names: Vec<Name>,
    controls: Vec<Control>,
    segments: Vec<u16>,
    sizes: Vec<u16>,
}

// SAFETY: the pointers are written and read within one `UdpSocket::send`.
unsafe impl Send for Outbox {}

#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Outbox {
    fn fill(&mut self, egress: &Egress, messages: &[Message], v6: bool, gso: bool) {
        self.clear();
        for message in messages {
            if gso || message.segments == 1 {
                self.push(egress.pieces(message), message, message.segments, v6);
                continue;
            }
            for piece in egress.pieces(message) {
                for one in piece.chunks(message.segment as usize) {
                    self.push(std::iter::once(one), message, 1, v6);
                }
            }
        }
        self.point(v6);
    }

    fn clear(&mut self) {
        self.headers.clear();
        self.vectors.clear();
        self.names.clear();
        self.controls.clear();
        self.segments.clear();
        self.sizes.clear();
    }

    fn push<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        message: &Message,
        segments: u16,
        v6: bool,
    ) {
        let before = self.vectors.len();
        self.vectors.extend(pieces.map(|bytes| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        }));
        self.names.push(write_name(message.path.remote, v6));
        let mut control = Control([0; CONTROL_BYTES]);
        let len = write_control(
            &mut control,
            message.path.local,
            (segments > 1).then_some(message.segment),
            v6,
        );
        self.controls.push(control);
        self.segments.push(segments);
        self.sizes.push(message.segment);
        // SAFETY: a plain C struct for which all zeroes is a value.
        let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_controllen = len as _;
        header.msg_hdr.msg_iovlen = (self.vectors.len() - before) as _;
        self.headers.push(header);
    }

    /// Pointers last, when no vector grows any more.
    fn point(&mut self, v6: bool) {
        let name_len = if v6 {
            mem::size_of::<libc::sockaddr_in6>()
        } else {
            mem::size_of::<libc::sockaddr_in>()
        };
        let mut rest = self.vectors.as_mut_slice();
        for (i, header) in self.headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
            header.msg_namelen = name_len as libc::socklen_t;
            let (pieces, next) = mem::take(&mut rest).split_at_mut(header.msg_iovlen as _);
            header.msg_iov = pieces.as_mut_ptr();
            rest = next;
            if header.msg_controllen > 0 {
                header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            }
        }
    }

    fn send(&mut self, fd: RawFd, from: usize) -> io::Result<usize> {
        let rest = &mut self.headers[from..];
        // SAFETY: `point` has pointed every header at memory of `self` and of the egress buffer, both borrowed here.
        let count = unsafe {
            libc::sendmmsg(
                fd,
                rest.as_mut_ptr(),
                rest.len() as _,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// The datagrams of one message, each by itself; how many the kernel took.
    fn send_apart(&mut self, fd: RawFd, index: usize) -> (u64, u64) {
        let mut header = self.headers[index].msg_hdr;
        let size = self.sizes[index] as usize;
        let pieces = self.pieces_of(index);
        // The segment size is the last item; what is left in front of it is our address.
        // SAFETY: computes a size.
        header.msg_controllen -= unsafe { libc::CMSG_SPACE(mem::size_of::<u16>() as _) } as usize;
        if header.msg_controllen == 0 {
            header.msg_control = ptr::null_mut();
        }
        header.msg_iovlen = 1;
        let (mut taken, mut octets) = (0, 0);
        for piece in pieces {
            for at in (0..piece.iov_len).step_by(size) {
                // SAFETY: `at` lies within the piece's bytes, which the egress buffer keeps.
                let mut vector = unsafe {
                    libc::iovec {
                        iov_base: piece.iov_base.cast::<u8>().add(at).cast(),
                        iov_len: size.min(piece.iov_len - at),
                    }
                };
                header.msg_iov = &mut vector;
                // SAFETY: header, name and vector live until the call returns.
                let sent = unsafe { libc::sendmsg(fd, &header, libc::MSG_DONTWAIT) };
                if let Ok(len) = u64::try_from(sent) {
                    (taken, octets) = (taken + 1, octets + len);
                }
            }
        }
        (taken, octets)
    }

    /// The pieces that `point` gave to one message.
    fn pieces_of(&self, index: usize) -> &[libc::iovec] {
        let count = |header: &libc::mmsghdr| -> usize { header.msg_hdr.msg_iovlen as _ };
        let from = self.headers[..index].iter().map(count).sum::<usize>();
        &self.vectors[from..from + count(&self.headers[index])]
    }
}

/// A descriptor that another thread can make readable.
pub struct WakeUp(OwnedFd);

impl WakeUp {
    /// An eventfd.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call returns a fresh descriptor or -1.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: nobody else knows the fresh descriptor.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub fn notify(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes of a live array.  It can only fail when it is readable already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes of a live array.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsRawFd for WakeUp {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Many descriptors behind one, which is readable while any of them is.
pub struct Poller(OwnedFd);

/// Descriptors told at a time.
const POLLED: usize = 256;

impl Poller {
    /// An epoll instance without descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call returns a fresh descriptor or -1.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: nobody else knows the fresh descriptor.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Watches a descriptor until it is closed; `name` is what [`Self::ready`] tells.
    pub fn add(&self, fd: RawFd, name: u32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: name.into(),
        };
        // SAFETY: the kernel reads one epoll_event.
        let done =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Appends the names of descriptors that are readable now, some at a time.
    pub fn ready(&self, out: &mut Vec<u32>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; POLLED];
        // SAFETY: the kernel writes at most as many events as there is room for.
        let count =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), POLLED as _, 0) };
        let count = usize::try_from(count).unwrap_or(0);
        out.extend(events[..count].iter().map(|event| event.u64 as u32));
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Sleeps until one of the descriptors is readable or the time is over; says which are.
pub fn wait<const N: usize>(descriptors: [RawFd; N], timeout: Option<Duration>) -> [bool; N] {
    let mut polled = descriptors.map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    poll(&mut polled, timeout);
    polled.map(|one| one.revents != 0)
}

fn wait_writable(fd: RawFd, timeout: Duration) {
    poll(
        &mut [libc::pollfd {
            fd,
            events: libc::POLLOUT,
            revents: 0,
        }],
        Some(timeout),
    );
}

fn poll(polled: &mut [libc::pollfd], timeout: Option<Duration>) {
    let limit = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs() as _,
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the slice and the time live until the call returns.
    unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as _, limit, ptr::null()) };
}

/// CPU time this thread has used.
pub fn thread_cpu_time() -> Duration {
    read_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The clock that Python's `time.monotonic_ns` reads as well.
pub fn monotonic() -> Duration {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// Keeps this thread on one processor; the error names it.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    set_affinity(cpu).map_err(|error| {
        let text = format!("cannot run on processor {cpu}: {}", plain(&error));
        io::Error::new(error.kind(), text)
    })
}

fn set_affinity(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: a plain C struct for which all zeroes is a value, long enough for the bit of `cpu`.
    let done = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, mem::size_of_val(&set), &set)
    };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn read_clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn enlarge(socket: &Socket) {
    resize(
        socket,
        libc::SO_RCVBUFFORCE,
        libc::SO_RCVBUF,
        RECEIVE_BUFFER,
    );
    resize(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, SEND_BUFFER);
}

fn resize(socket: &Socket, forced: libc::c_int, plain: libc::c_int, bytes: usize) {
    let size = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    // Beyond the system's limit only with CAP_NET_ADMIN.
    if option(socket, libc::SOL_SOCKET, forced, size).is_err() {
        option(socket, libc::SOL_SOCKET, plain, size).ok();
    }
}

fn ask_for_local_address(socket: &Socket, v6: bool) {
    option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1).ok();
    if v6 {
        option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1).ok();
    }
}

fn option(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel reads one int.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size,
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS))
}

/// The system's words without "(os error N)".
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

fn read_name(name: &libc::sockaddr_storage) -> SocketAddr {
    if libc::c_int::from(name.ss_family) == libc::AF_INET6 {
        // SAFETY: the family says which of the layouts the kernel wrote; the storage is large enough for both.
        let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
        let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
        return SocketAddrV6::new(ip, u16::from_be(name.sin6_port), 0, name.sin6_scope_id).into();
    }
    // SAFETY: as above.
    let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
    let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
    SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into()
}

fn write_name(address: SocketAddr, v6: bool) -> Name {
    // SAFETY: plain C structs for which all zeroes is a value.
    let mut name: Name = unsafe { mem::zeroed() };
    match (address, v6) {
        (SocketAddr::V4(address), false) => {
            name.v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*address.ip()).to_be(),
                },
                sin_zero: [0; 8],
            };
        }
        (address, _) => {
            let (ip, scope) = match address {
                SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), 0),
                SocketAddr::V6(address) => (*address.ip(), address.scope_id()),
            };
            name.v6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: ip.octets(),
                },
                sin6_scope_id: scope,
            };
        }
    }
    name
}

/// Our address the message was sent to, and the size of GRO's segments.
fn read_control(header: &libc::msghdr) -> (Option<IpAddr>, Option<usize>) {
    let (mut local, mut segment) = (None, None);
    // SAFETY: the CMSG macros walk the control data that the kernel wrote within `msg_controllen`; each read is of
    // the struct that level and type promise.
    unsafe {
        let mut item = libc::CMSG_FIRSTHDR(header);
        while let Some(one) = item.as_ref() {
            let data = libc::CMSG_DATA(one);
            match (one.cmsg_level, one.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = ptr::read_unaligned(data.cast());
                    local = Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(
                        info.ipi_addr.s_addr,
                    ))));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = ptr::read_unaligned(data.cast());
                    local = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size: libc::c_int = ptr::read_unaligned(data.cast());
                    segment = usize::try_from(size).ok().filter(|&size| size > 0);
                }
                _ => {}
            }
            item = libc::CMSG_NXTHDR(header, one);
        }
    }
    (local, segment)
}

/// Writes the source address and the segment size of one message; the bytes used.
fn write_control(
    control: &mut Control,
    local: Option<IpAddr>,
    segment: Option<u16>,
    v6: bool,
) -> usize {
    let mut used = 0;
    match local {
        Some(IpAddr::V4(ip)) if !v6 => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from(ip).to_be(),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            used += put_control(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        Some(ip) => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: ip.octets(),
                },
                ipi6_ifindex: 0,
            };
            used += put_control(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
        None => {}
    }
    if let Some(segment) = segment {
        used += put_control(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    used
}

fn put_control<T>(
    control: &mut Control,
    at: usize,
    level: libc::c_int,
    kind: libc::c_int,
    value: T,
) -> usize {
    let size = mem::size_of::<T>() as libc::c_uint;
    // SAFETY: CMSG_SPACE of both items we ever write together is below CONTROL_BYTES, and the buffer is aligned to 8.
    unsafe {
        let item = control.0.as_mut_ptr().add(at).cast::<libc::cmsghdr>();
        (*item).cmsg_len = libc::CMSG_LEN(size) as _;
        (*item).cmsg_level = level;
        (*item).cmsg_type = kind;
        ptr::write_unaligned(libc::CMSG_DATA(item).cast(), value);
        libc::CMSG_SPACE(size) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket as Plain;

    fn loopback() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0".parse().expect("address")).expect("bind")
    }

    fn receive_all(socket: &UdpSocket, count: usize) -> Vec<(Path, Vec<u8>)> {
        let mut inbox = Inbox::default();
        let mut got = Vec::new();
        while got.len() < count {
            assert!(
                wait([socket.as_raw_fd()], Some(Duration::from_secs(5)))[0],
                "only {} came",
                got.len()
            );
            socket.receive(&mut inbox).expect("receive");
            got.extend(
                inbox
                    .datagrams()
                    .map(|(path, bytes)| (path, bytes.to_vec())),
            );
        }
        got
    }

    fn three(to: SocketAddr) -> Egress {
        let mut egress = Egress::default();
        for (fill, len) in [(1u8, 100), (2, 100), (3, 40)] {
            egress.write(&Path::to(to), |room| {
                room[..len].fill(fill);
                len
            });
        }
        egress
    }

    #[test]
    fn a_run_leaves_as_one_message_and_arrives_apart_with_or_without_gso() {
        for gso in [true, false] {
            let (mut from, to) = (loopback(), loopback());
            if !gso {
                from.forgo_gso();
            }
            let sent = from.send(&three(to.local()));
            assert_eq!((sent.datagrams, sent.octets, sent.dropped), (3, 240, 0));
            assert_eq!(sent.segmented, if from.gso() { 3 } else { 0 });
            let got = receive_all(&to, 3);
            assert_eq!(
                got.iter()
                    .map(|(_, bytes)| (bytes[0], bytes.len()))
                    .collect::<Vec<_>>(),
                [(1, 100), (2, 100), (3, 40)]
            );
            assert!(
                got.iter()
                    .all(|(path, _)| path.remote == from.local() && path.local.is_none())
            );
        }
    }

    #[test]
    fn a_message_that_gso_cannot_carry_goes_plainly() {
        let (mut from, to) = (loopback(), loopback());
        let egress = three(to.local());
        from.outbox.fill(&egress, egress.messages(), false, true);
        let mut sent = Sent::default();
        from.refused(0, &io::Error::from_raw_os_error(libc::EINVAL), &mut sent);
        assert_eq!((sent.datagrams, sent.octets, sent.dropped), (3, 240, 0));
        assert_eq!(receive_all(&to, 3).len(), 3);
        for _ in 1..GSO_REFUSALS {
            from.refused(0, &io::Error::from_raw_os_error(libc::EIO), &mut sent);
        }
        assert!(!from.gso());
    }

    #[test]
    fn on_the_wildcard_a_reply_leaves_from_the_address_that_was_written_to() {
        for any in ["0.0.0.0:0", "[::]:0"] {
            let mut server = UdpSocket::bind(any.parse().expect("address")).expect("bind");
            let client = Plain::bind("127.0.0.1:0").expect("bind");
            let target = SocketAddr::from(([127, 0, 0, 2], server.local().port()));
            client.send_to(b"ping", target).expect("send");
            let (path, _) = receive_all(&server, 1).remove(0);
            assert_eq!(path.local.map(|ip| ip.to_canonical()), Some(target.ip()));
            assert_eq!(path.canonical(), client.local_addr().expect("address"));
            let mut egress = Egress::default();
            egress.write(&path, |room| {
                room[..4].copy_from_slice(b"pong");
                4
            });
            assert_eq!(server.send(&egress).datagrams, 1);
            client
                .set_read_timeout(Some(Duration::from_secs(5)))
                .expect("timeout");
            let (len, from) = client.recv_from(&mut [0; 16]).expect("reply");
            assert_eq!((len, from), (4, target));
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = loopback();
        let error = UdpSocket::bind(taken.local()).err().expect("taken");
        assert_eq!(
            error.to_string(),
            format!("cannot bind UDP {}: address already in use", taken.local())
        );
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_empty_datagram_is_nothing() {
        let to = loopback();
        let client = Plain::bind("127.0.0.1:0").expect("bind");
        client.send_to(b"", to.local()).expect("send");
        client.send_to(b"x", to.local()).expect("send");
        assert_eq!(receive_all(&to, 1)[0].1, b"x");
    }

    #[test]
    fn an_address_that_cannot_be_reached_costs_only_its_own_datagrams() {
        let (mut from, to) = (loopback(), loopback());
        let mut egress = Egress::default();
        for address in ["255.255.255.255:9".parse().expect("address"), to.local()] {
            egress.write(&Path::to(address), |room| {
                room[0] = 7;
                1
            });
        }
        let sent = from.send(&egress);
        assert_eq!((sent.datagrams, sent.octets, sent.dropped), (1, 1, 1));
        assert_eq!(receive_all(&to, 1).len(), 1);
    }

    #[test]
    fn a_poller_tells_which_sockets_have_something_and_forgets_closed_ones() {
        let poller = Poller::new().expect("epoll");
        let sockets = [loopback(), loopback(), loopback()];
        for (name, socket) in sockets.iter().enumerate() {
            poller.add(socket.as_raw_fd(), name as u32).expect("added");
        }
        let ready = || {
            let mut out = Vec::new();
            poller.ready(&mut out);
            out
        };
        let client = Plain::bind("127.0.0.1:0").expect("bind");
        assert_eq!(ready(), []);
        client.send_to(b"x", sockets[1].local()).expect("send");
        assert!(wait([poller.as_raw_fd()], Some(Duration::from_secs(5)))[0]);
        assert_eq!(ready(), [1]);
        drop(sockets);
        assert_eq!(ready(), []);
    }

    #[test]
    fn what_a_socket_has_no_room_for_is_counted_by_the_kernel() {
        let (socket, client) = (loopback(), Plain::bind("127.0.0.1:0").expect("bind"));
        socket.set_receive_buffer(1);
        assert_eq!(socket.drops(), 0);
        (0..100).for_each(|_| drop(client.send_to(&[0; 1_000], socket.local())));
        let mut inbox = Inbox::default();
        let mut read = 0;
        while let Ok(count @ 1..) = socket.receive(&mut inbox) {
            read += count as u32;
        }
        assert_eq!(read + socket.drops(), 100);
    }

    #[test]
    fn a_processor_that_is_not_there_is_refused() {
        std::thread::spawn(|| {
            assert!(pin_thread(1_023).is_err() && pin_thread(1 << 20).is_err());
            assert!(pin_thread(0).is_ok());
        })
        .join()
        .expect("the thread ends");
    }

    #[test]
    fn a_wake_up_is_readable_until_cleared() {
        let wake = WakeUp::new().expect("eventfd");
        assert_eq!(wait([wake.as_raw_fd()], Some(Duration::ZERO)), [false]);
        wake.notify();
        wake.notify();
        assert_eq!(wait([wake.as_raw_fd()], Some(Duration::ZERO)), [true]);
        wake.clear();
        assert_eq!(wait([wake.as_raw_fd()], Some(Duration::ZERO)), [false]);
    }
}
