//! All of PyO3, with `python/load.rs`: the module `sfu._core`.  What it looks like from Python is written in
//! `sfu/_core.pyi`.
//!
//! `sfu/room → **python** → worker (commands) … events → **python** → sfu/session`
//!
//! A call checks what it can against the books it keeps (which peer is on which worker, which m-lines it has), so that
//! a wrong one is an exception in the caller's face and not silence in a worker.

mod load;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::codec::Codec as CoreCodec;
use crate::commands::Command;
use crate::events::{Event, EventQueue, PeerId, Showing};
use crate::header::MAX_MID;
use crate::ice::Credentials;
use crate::layer::SPATIAL_LAYERS;
use crate::media;
use crate::net::UdpSocket;
use crate::relay::{Source, TrackName};
use crate::sender::View;
use crate::srtp::{Inbound, Outbound, Profile};
use crate::stats::{self, Counters};
use crate::worker::{CommandError, Worker};

/// Shorter ones can be guessed, and collide (RFC 8445 §5.3 asks for 4 at least).
const MIN_UFRAG: usize = 8;
/// RFC 8445 §5.3: 128 bits of randomness, 6 bits a character.
const MIN_PASSWORD: usize = 22;
/// What fits a datagram on any path.
const MAX_DTLS: usize = 1_500;

#[derive(FromPyObject)]
struct Codec {
    payload_type: u8,
    name: String,
    key: String,
    clock_rate: u32,
    rtx_payload_type: Option<u8>,
    nack: bool,
    pli: bool,
}

#[derive(FromPyObject)]
struct Layer {
    rid: Option<String>,
    ssrc: Option<u32>,
    rtx_ssrc: Option<u32>,
}

#[derive(FromPyObject)]
struct TrackConfig {
    mid: String,
    kind: String,
    codecs: Vec<Codec>,
    layers: Vec<Layer>,
}

#[derive(FromPyObject)]
struct SenderConfig {
    mid: String,
    kind: String,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    cname: String,
    codecs: Vec<Codec>,
    transport_cc: bool,
    abs_send_time: bool,
    dependency: bool,
}

#[derive(FromPyObject)]
struct Extensions {
    mid: u8,
    rid: u8,
    repaired_rid: u8,
    transport_cc: u8,
    abs_send_time: u8,
    audio_level: u8,
    dependency: u8,
}

#[derive(FromPyObject)]
struct PeerMedia {
    tracks: Vec<TrackConfig>,
    senders: Vec<SenderConfig>,
    extensions: Extensions,
    transport_cc: bool,
    rtcp_ssrc: u32,
}

fn kind(kind: &str, mid: &str) -> PyResult<media::Kind> {
    match kind {
        "audio" => Ok(media::Kind::Audio),
        "video" => Ok(media::Kind::Video),
        _ => Err(PyValueError::new_err(format!(
            "m-line {mid}: kind is {kind:?}, not audio or video"
        ))),
    }
}

fn codec(codec: Codec, mid: &str) -> PyResult<media::CodecConfig> {
    let types = [Some(codec.payload_type), codec.rtx_payload_type];
    if let Some(wrong) = types.into_iter().flatten().find(|&one| one > 127) {
        return Err(PyValueError::new_err(format!(
            "m-line {mid}: payload type {wrong} is above 127"
        )));
    }
    if codec.clock_rate == 0 {
        return Err(PyValueError::new_err(format!(
            "m-line {mid}: codec {} has clock rate 0",
            codec.name
        )));
    }
    Ok(media::CodecConfig {
        payload_type: codec.payload_type,
        codec: CoreCodec::from_name(&codec.name),
        key: codec.key.into(),
        clock_rate: codec.clock_rate,
        rtx_payload_type: codec.rtx_payload_type,
        nack: codec.nack,
        pli: codec.pli,
    })
}

fn codecs(all: Vec<Codec>, mid: &str) -> PyResult<Vec<media::CodecConfig>> {
    all.into_iter().map(|one| codec(one, mid)).collect()
}

impl TrackConfig {
    fn checked(self) -> PyResult<media::TrackConfig> {
        let layer = |layer: Layer| media::LayerConfig {
            rid: layer.rid,
            ssrc: layer.ssrc,
            rtx_ssrc: layer.rtx_ssrc,
        };
        Ok(media::TrackConfig {
            kind: kind(&self.kind, &self.mid)?,
            codecs: codecs(self.codecs, &self.mid)?,
            layers: self.layers.into_iter().map(layer).collect(),
            mid: self.mid,
        })
    }
}

impl SenderConfig {
    fn checked(self) -> PyResult<media::SenderConfig> {
        if self.mid.len() > MAX_MID {
            let text = format!(
                "m-line {}: a mid has {MAX_MID} characters at most",
                self.mid
            );
            return Err(PyValueError::new_err(text));
        }
        Ok(media::SenderConfig {
            kind: kind(&self.kind, &self.mid)?,
            codecs: codecs(self.codecs, &self.mid)?,
            ssrc: self.ssrc,
            rtx_ssrc: self.rtx_ssrc,
            cname: self.cname,
            transport_cc: self.transport_cc,
            abs_send_time: self.abs_send_time,
            dependency: self.dependency,
            mid: self.mid,
        })
    }
}

impl Extensions {
    fn checked(&self) -> PyResult<media::ExtensionIds> {
        let ids = [
            self.mid,
            self.rid,
            self.repaired_rid,
            self.transport_cc,
            self.abs_send_time,
            self.audio_level,
            self.dependency,
        ];
        if let Some(wrong) = ids.into_iter().find(|&id| id > 14) {
            return Err(PyValueError::new_err(format!(
                "header extension id {wrong} is above 14"
            )));
        }
        Ok(media::ExtensionIds {
            mid: self.mid,
            rid: self.rid,
            repaired_rid: self.repaired_rid,
            transport_cc: self.transport_cc,
            abs_send_time: self.abs_send_time,
            audio_level: self.audio_level,
            dependency: self.dependency,
        })
    }
}

impl PeerMedia {
    fn checked(self) -> PyResult<media::PeerMedia> {
        let mut seen = HashSet::new();
        let mids = self.tracks.iter().map(|track| &track.mid);
        let mut mids = mids.chain(self.senders.iter().map(|sender| &sender.mid));
        if let Some(twice) = mids.find(|mid| !seen.insert((*mid).clone())) {
            return Err(PyValueError::new_err(format!("mid {twice} is there twice")));
        }
        let tracks: PyResult<Vec<_>> = self.tracks.into_iter().map(TrackConfig::checked).collect();
        let senders: PyResult<Vec<_>> = self
            .senders
            .into_iter()
            .map(SenderConfig::checked)
            .collect();
        Ok(media::PeerMedia {
            tracks: tracks?,
            senders: senders?,
            extensions: self.extensions.checked()?,
            transport_cc: self.transport_cc,
            rtcp_ssrc: self.rtcp_ssrc,
        })
    }
}

/// Declares an event as a frozen Python value.
macro_rules! event {
    ($name:ident { $($field:ident: $kind:ty),* }, [$($matched:literal),*]) => {
        #[pyclass(frozen, get_all, eq, module = "sfu._core")]
        #[derive(Clone, PartialEq)]
        struct $name {
            $($field: $kind,)*
        }

        #[pymethods]
        impl $name {
            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                PyTuple::new(py, [$($matched),*]).map(Bound::unbind)
            }

            #[new]
            fn new($($field: $kind),*) -> Self {
                Self { $($field),* }
            }

            fn __repr__(&self) -> String {
                let fields = [$(format!("{}={:?}", stringify!($field), self.$field)),*];
                format!("{}({})", stringify!($name), fields.join(", "))
            }
        }
    };
}

use event;

event!(
    AddressValidated {
        peer: u64,
        host: String,
        port: u16
    },
    ["peer", "host", "port"]
);
event!(ConsentExpired { peer: u64 }, ["peer"]);
event!(
    TrackActive {
        peer: u64,
        mid: String,
        codec_key: String
    },
    ["peer", "mid", "codec_key"]
);
event!(
    Shown {
        peer: u64,
        mid: String,
        source_peer: u64,
        source_mid: String
    },
    ["peer", "mid", "source_peer", "source_mid"]
);
event!(
    NotShowable {
        peer: u64,
        mid: String,
        source_peer: u64,
        source_mid: String
    },
    ["peer", "mid", "source_peer", "source_mid"]
);
event!(
    LayersWanted {
        peer: u64,
        mid: String,
        layers: Vec<usize>
    },
    ["peer", "mid", "layers"]
);
event!(
    SeatPaused {
        peer: u64,
        mid: String,
        paused: bool
    },
    ["peer", "mid", "paused"]
);

#[pyclass(frozen, eq, module = "sfu._core")]
#[derive(Clone, PartialEq)]
struct DtlsReceived {
    #[pyo3(get)]
    peer: u64,
    bytes: Vec<Vec<u8>>,
}

#[pymethods]
impl DtlsReceived {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Py<PyTuple>> {
        PyTuple::new(py, ["peer", "datagrams"]).map(Bound::unbind)
    }

    #[new]
    fn new(peer: u64, datagrams: Vec<Vec<u8>>) -> Self {
        Self {
            peer,
            bytes: datagrams,
        }
    }

    #[getter]
    fn datagrams<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.bytes
            .iter()
            .map(|datagram| PyBytes::new(py, datagram))
            .collect()
    }

    fn __repr__(&self) -> String {
        let sizes: Vec<usize> = self.bytes.iter().map(Vec::len).collect();
        format!(
            "DtlsReceived(peer={}, datagrams=<of {sizes:?} bytes>)",
            self.peer
        )
    }
}

fn to_python(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    let any = match event {
        Event::DtlsReceived { peer, datagrams } => Bound::new(
            py,
            DtlsReceived {
                peer,
                bytes: datagrams,
            },
        )?
        .into_any(),
        Event::AddressValidated { peer, address } => {
            let (host, port) = (address.ip().to_string(), address.port());
            Bound::new(py, AddressValidated { peer, host, port })?.into_any()
        }
        Event::ConsentExpired { peer } => Bound::new(py, ConsentExpired { peer })?.into_any(),
        Event::TrackActive {
            peer,
            mid,
            codec_key,
        } => Bound::new(
            py,
            TrackActive {
                peer,
                mid,
                codec_key,
            },
        )?
        .into_any(),
        Event::Shown(Showing {
            peer,
            mid,
            source_peer,
            source_mid,
        }) => Bound::new(
            py,
            Shown {
                peer,
                mid,
                source_peer,
                source_mid,
            },
        )?
        .into_any(),
        Event::NotShowable(Showing {
            peer,
            mid,
            source_peer,
            source_mid,
        }) => Bound::new(
            py,
            NotShowable {
                peer,
                mid,
                source_peer,
                source_mid,
            },
        )?
        .into_any(),
        Event::LayersWanted { peer, mid, layers } => {
            let layers = (0..8).filter(|layer| layers & 1 << layer != 0).collect();
            Bound::new(py, LayersWanted { peer, mid, layers })?.into_any()
        }
        Event::SeatPaused { peer, mid, paused } => {
            Bound::new(py, SeatPaused { peer, mid, paused })?.into_any()
        }
    };
    Ok(any.unbind())
}

#[pyclass(frozen, get_all, module = "sfu._core")]
struct PeerStats {
    peer: u64,
    worker: usize,
    address: Option<(String, u16)>,
    rtt_ms: Option<f64>,
    estimate_kbps: Option<f64>,
    sending_kbps: f64,
    queue_ms: f64,
    silent_ms: f64,
    tracks: Vec<Py<TrackStats>>,
    senders: Vec<Py<SenderStats>>,
}

#[pyclass(frozen, get_all, module = "sfu._core")]
struct TrackStats {
    mid: String,
    codec: Option<String>,
    level_dbov: Option<u8>,
    packets: u64,
    octets: u64,
    lost: u64,
    jitter_ms: f64,
    layers: Vec<Py<LayerStats>>,
}

#[pyclass(frozen, get_all, module = "sfu._core")]
struct LayerStats {
    rid: Option<String>,
    ssrc: Option<u32>,
    packets: u64,
    octets: u64,
    active: bool,
    taken: bool,
    kbps: f64,
    spatial_kbps: [f64; SPATIAL_LAYERS],
    nacks_sent: u64,
    keyframe_requests: u64,
    height: Option<u16>,
    frames: u64,
    freezes: u64,
    frozen_ms: f64,
    standing_ms: f64,
}

#[pyclass(frozen, get_all, module = "sfu._core")]
struct SenderStats {
    mid: String,
    layer: Option<u8>,
    packets: u64,
    octets: u64,
    fraction_lost: f64,
    jitter_ms: f64,
    nacks_received: u64,
    retransmitted: u64,
    kbps: f64,
    paused: bool,
    temporal: Option<u8>,
    spatial: Option<u8>,
    switches: u64,
    source: Option<(u64, String)>,
}

fn peer_stats(py: Python<'_>, worker: usize, peer: stats::PeerStats) -> PyResult<Py<PeerStats>> {
    let tracks: PyResult<Vec<_>> = peer
        .tracks
        .into_iter()
        .map(|track| track_stats(py, track))
        .collect();
    let senders: PyResult<Vec<_>> = peer
        .senders
        .into_iter()
        .map(|sender| sender_stats(py, sender))
        .collect();
    let stats = PeerStats {
        peer: peer.peer,
        worker,
        address: peer
            .address
            .map(|address| (address.ip().to_string(), address.port())),
        rtt_ms: peer.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
        estimate_kbps: peer.estimate.map(|estimate| estimate as f64 / 1e3),
        sending_kbps: peer.sending_kbps,
        queue_ms: peer.queue.as_secs_f64() * 1e3,
        silent_ms: peer.silence.as_secs_f64() * 1e3,
        tracks: tracks?,
        senders: senders?,
    };
    Py::new(py, stats)
}

fn track_stats(py: Python<'_>, track: stats::TrackStats) -> PyResult<Py<TrackStats>> {
    let layers: PyResult<Vec<_>> = track
        .layers
        .into_iter()
        .map(|layer| layer_stats(py, layer))
        .collect();
    let stats = TrackStats {
        mid: track.mid,
        codec: track.codec,
        level_dbov: track.level_dbov,
        packets: track.packets,
        octets: track.octets,
        lost: track.lost,
        jitter_ms: track.jitter.as_secs_f64() * 1e3,
        layers: layers?,
    };
    Py::new(py, stats)
}

fn layer_stats(py: Python<'_>, layer: stats::LayerStats) -> PyResult<Py<LayerStats>> {
    let stats = LayerStats {
        rid: layer.rid,
        ssrc: layer.ssrc,
        packets: layer.packets,
        octets: layer.octets,
        active: layer.active,
        taken: layer.taken,
        kbps: layer.kbps,
        spatial_kbps: layer.spatial_kbps,
        nacks_sent: layer.nacks_sent,
        keyframe_requests: layer.keyframe_requests,
        height: layer.height,
        frames: layer.frames,
        freezes: layer.freezes,
        frozen_ms: layer.frozen.as_secs_f64() * 1e3,
        standing_ms: layer.standing.as_secs_f64() * 1e3,
    };
    Py::new(py, stats)
}

fn sender_stats(py: Python<'_>, sender: stats::SenderStats) -> PyResult<Py<SenderStats>> {
    let stats = SenderStats {
        mid: sender.mid,
        layer: sender.layer,
        packets: sender.packets,
        octets: sender.octets,
        fraction_lost: sender.fraction_lost,
        jitter_ms: sender.jitter.as_secs_f64() * 1e3,
        nacks_received: sender.nacks_received,
        retransmitted: sender.retransmitted,
        kbps: sender.kbps,
        paused: sender.paused,
        temporal: sender.temporal,
        spatial: sender.spatial,
        switches: sender.switches,
        source: sender.source,
    };
    Py::new(py, stats)
}

/// What the calls check against.
#[derive(Default)]
struct Books {
    peers: HashMap<PeerId, Entry>,
    /// Every ufrag in use, and whose.
    ufrags: HashMap<String, PeerId>,
    last: PeerId,
}

struct Entry {
    worker: usize,
    tracks: HashSet<String>,
    senders: HashSet<String>,
}

impl Books {
    /// A track as seen from a worker.
    fn source(&self, worker: usize, peer: PeerId, mid: String) -> Source {
        let lives_on = self.peers.get(&peer).map(|entry| entry.worker);
        Source {
            track: TrackName { peer, mid },
            worker: lives_on.filter(|&one| one != worker),
        }
    }

    fn entry(&self, peer: PeerId) -> PyResult<&Entry> {
        self.peers
            .get(&peer)
            .ok_or_else(|| PyKeyError::new_err(format!("no peer {peer}")))
    }

    fn worker(&self, peer: PeerId) -> PyResult<usize> {
        self.entry(peer).map(|entry| entry.worker)
    }
}

#[pyclass(frozen, module = "sfu._core")]
struct Core {
    /// `None` once closed.
    workers: Mutex<Option<Vec<Worker>>>,
    books: Mutex<Books>,
    events: Arc<EventQueue>,
    #[pyo3(get)]
    ports: Vec<u16>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seed() -> PyResult<u64> {
    let mut bytes = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| PyOSError::new_err("the system gives no random numbers"))?;
    Ok(u64::from_ne_bytes(bytes))
}

fn bind(host: IpAddr, udp_port: u16, workers: usize) -> PyResult<Vec<UdpSocket>> {
    let socket = |index: usize| {
        let port = if udp_port == 0 {
            0
        } else {
            udp_port + index as u16
        };
        UdpSocket::bind(SocketAddr::new(host, port)).map_err(os_error)
    };
    (0..workers).map(socket).collect()
}

fn os_error(error: std::io::Error) -> PyErr {
    let code = match error.kind() {
        std::io::ErrorKind::AddrInUse => libc::EADDRINUSE,
        std::io::ErrorKind::AddrNotAvailable => libc::EADDRNOTAVAIL,
        std::io::ErrorKind::PermissionDenied => libc::EACCES,
        _ => libc::EIO,
    };
    PyOSError::new_err((code, error.to_string()))
}

fn check_credentials(ufrag: &str, password: &str) -> PyResult<()> {
    if ufrag.len() < MIN_UFRAG {
        let text = format!("ufrag {ufrag:?} is shorter than {MIN_UFRAG} characters");
        return Err(PyValueError::new_err(text));
    }
    if password.len() < MIN_PASSWORD {
        let text =
            format!("the ICE password of {ufrag:?} is shorter than {MIN_PASSWORD} characters");
        return Err(PyValueError::new_err(text));
    }
    Ok(())
}

impl Core {
    fn with_workers<T>(&self, use_them: impl FnOnce(&[Worker]) -> PyResult<T>) -> PyResult<T> {
        match &*lock(&self.workers) {
            Some(workers) => use_them(workers),
            None => Err(PyRuntimeError::new_err("the core is closed")),
        }
    }

    /// Of each worker.  All are asked before the first is waited for, and nobody else is held up meanwhile.
    fn snapshots(&self) -> PyResult<Vec<Vec<stats::PeerStats>>> {
        let failed = |(worker, error)| command_error(worker, error);
        let asked: PyResult<Vec<_>> = self.with_workers(|workers| {
            let asked = workers
                .iter()
                .enumerate()
                .map(|(index, worker)| worker.ask_stats().map_err(|error| failed((index, error))));
            asked.collect()
        });
        let answers = asked?.into_iter().enumerate();
        answers
            .map(|(index, asked)| asked.wait().map_err(|error| failed((index, error))))
            .collect()
    }

    fn send(&self, worker: usize, command: Command) -> PyResult<()> {
        self.with_workers(|workers| {
            workers[worker]
                .command(command)
                .map_err(|error| command_error(worker, error))
        })
    }

    fn reserve(&self, ufrag: &str, password: &str) -> PyResult<MutexGuard<'_, Books>> {
        self.with_workers(|_| Ok(()))?;
        check_credentials(ufrag, password)?;
        let books = lock(&self.books);
        match books.ufrags.get(ufrag) {
            Some(peer) => Err(PyValueError::new_err(format!(
                "ufrag {ufrag:?} is in use by peer {peer}"
            ))),
            None => Ok(books),
        }
    }
}

fn command_error(worker: usize, error: CommandError) -> PyErr {
    PyRuntimeError::new_err(match error {
        CommandError::Stopped => format!("worker {worker} has stopped"),
        CommandError::Overloaded => format!("worker {worker} does not keep up"),
    })
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (*, host, udp_port, workers))]
    fn new(host: &str, udp_port: u16, workers: usize) -> PyResult<Self> {
        let host: IpAddr = host
            .parse()
            .map_err(|_| PyValueError::new_err(format!("host {host:?} is not an IP address")))?;
        if workers == 0 || workers > 256 {
            return Err(PyValueError::new_err(format!(
                "workers is {workers}, not 1 to 256"
            )));
        }
        if udp_port != 0 && usize::from(udp_port) + workers > 65_536 {
            let text = format!("{workers} workers from port {udp_port} on need ports above 65535");
            return Err(PyValueError::new_err(text));
        }
        let sockets = bind(host, udp_port, workers)?;
        let ports = sockets.iter().map(|socket| socket.local().port()).collect();
        let events = Arc::new(EventQueue::new().map_err(os_error)?);
        let started = Worker::start_all(sockets, &events, seed()?).map_err(os_error)?;
        Ok(Self {
            workers: Mutex::new(Some(started)),
            books: Mutex::default(),
            events,
            ports,
        })
    }

    fn fileno(&self) -> i32 {
        self.events.as_raw_fd()
    }

    fn events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let events = py.detach(|| self.events.take());
        events
            .into_iter()
            .map(|event| to_python(py, event))
            .collect()
    }

    fn add_peer(&self, worker: usize, ufrag: &str, password: &str) -> PyResult<u64> {
        if worker >= self.ports.len() {
            let text = format!("no worker {worker}: there are {}", self.ports.len());
            return Err(PyValueError::new_err(text));
        }
        let mut books = self.reserve(ufrag, password)?;
        let peer = books.last + 1;
        let credentials = Credentials::new(ufrag, password);
        self.send(worker, Command::AddPeer { peer, credentials })?;
        books.last = peer;
        books.ufrags.insert(ufrag.to_owned(), peer);
        let entry = Entry {
            worker,
            tracks: HashSet::new(),
            senders: HashSet::new(),
        };
        books.peers.insert(peer, entry);
        Ok(peer)
    }

    fn restart_ice(&self, peer: u64, ufrag: &str, password: &str) -> PyResult<()> {
        let mut books = self.reserve(ufrag, password)?;
        let worker = books.worker(peer)?;
        let credentials = Credentials::new(ufrag, password);
        self.send(worker, Command::RestartIce { peer, credentials })?;
        books.ufrags.insert(ufrag.to_owned(), peer);
        Ok(())
    }

    fn send_dtls(&self, peer: u64, datagram: &[u8]) -> PyResult<()> {
        if datagram.len() > MAX_DTLS {
            let text = format!(
                "a DTLS datagram of {} bytes is longer than {MAX_DTLS}",
                datagram.len()
            );
            return Err(PyValueError::new_err(text));
        }
        let worker = lock(&self.books).worker(peer)?;
        self.send(
            worker,
            Command::SendDtls {
                peer,
                datagram: datagram.to_vec(),
            },
        )
    }

    fn set_keys(
        &self,
        peer: u64,
        profile: &str,
        remote_key: &[u8],
        remote_salt: &[u8],
        local_key: &[u8],
        local_salt: &[u8],
    ) -> PyResult<()> {
        let worker = lock(&self.books).worker(peer)?;
        let profile = Profile::from_name(profile)
            .ok_or_else(|| PyValueError::new_err(format!("unknown SRTP profile {profile:?}")))?;
        let wrong = |whose: &str, error: &dyn std::fmt::Display| {
            PyValueError::new_err(format!("{whose} key of peer {peer}: {error}"))
        };
        let inbound = Inbound::new(profile, remote_key, remote_salt)
            .map_err(|error| wrong("remote", &error))?;
        let outbound = Outbound::new(profile, local_key, local_salt)
            .map_err(|error| wrong("local", &error))?;
        self.send(
            worker,
            Command::SetKeys {
                peer,
                keys: Box::new((inbound, outbound)),
            },
        )
    }

    fn set_media(&self, peer: u64, media: PeerMedia) -> PyResult<()> {
        let media = media.checked()?;
        let mut books = lock(&self.books);
        let worker = books.worker(peer)?;
        let tracks = media.tracks.iter().map(|track| track.mid.clone()).collect();
        let senders = media
            .senders
            .iter()
            .map(|sender| sender.mid.clone())
            .collect();
        self.send(
            worker,
            Command::SetMedia {
                peer,
                media: Box::new(media),
            },
        )?;
        books.peers.insert(
            peer,
            Entry {
                worker,
                tracks,
                senders,
            },
        );
        Ok(())
    }

    fn show(&self, peer: u64, mid: String, source: Option<(u64, String)>) -> PyResult<()> {
        let books = lock(&self.books);
        let entry = books.entry(peer)?;
        if !entry.senders.contains(&mid) {
            return Err(PyKeyError::new_err(format!(
                "peer {peer} has no sender {mid}"
            )));
        }
        if let Some((source_peer, source_mid)) = &source {
            let source_entry = books.entry(*source_peer)?;
            if !source_entry.tracks.contains(source_mid) {
                return Err(PyKeyError::new_err(format!(
                    "peer {source_peer} has no track {source_mid}"
                )));
            }
        }
        let source = source.map(|(peer, mid)| books.source(entry.worker, peer, mid));
        self.send(entry.worker, Command::Show { peer, mid, source })
    }

    fn set_view(&self, peer: u64, mid: String, height: Option<u16>, priority: u8) -> PyResult<()> {
        let books = lock(&self.books);
        let entry = books.entry(peer)?;
        if !entry.senders.contains(&mid) {
            return Err(PyKeyError::new_err(format!(
                "peer {peer} has no sender {mid}"
            )));
        }
        let view = View { height, priority };
        self.send(entry.worker, Command::SetView { peer, mid, view })
    }

    fn set_track_enabled(&self, peer: u64, mid: String, enabled: bool) -> PyResult<()> {
        let books = lock(&self.books);
        let entry = books.entry(peer)?;
        if !entry.tracks.contains(&mid) {
            return Err(PyKeyError::new_err(format!(
                "peer {peer} has no track {mid}"
            )));
        }
        self.send(
            entry.worker,
            Command::SetTrackEnabled { peer, mid, enabled },
        )
    }

    fn remove_peer(&self, peer: u64) -> PyResult<()> {
        let mut books = lock(&self.books);
        let worker = books.worker(peer)?;
        self.send(worker, Command::RemovePeer { peer })?;
        books.peers.remove(&peer);
        books.ufrags.retain(|_, owner| *owner != peer);
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Vec<Py<PeerStats>>> {
        let all = py.detach(|| self.snapshots())?;
        let peers = all.into_iter().enumerate();
        let flat =
            peers.flat_map(|(worker, peers)| peers.into_iter().map(move |peer| (worker, peer)));
        flat.map(|(worker, peer)| peer_stats(py, worker, peer))
            .collect()
    }

    fn levels(&self, py: Python<'_>) -> PyResult<Vec<(u64, String, u8)>> {
        py.detach(|| {
            self.with_workers(|workers| Ok(workers.iter().flat_map(Worker::levels).collect()))
        })
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let sum = py.detach(|| {
            self.with_workers(|workers| {
                let mut sum = Counters::default();
                workers
                    .iter()
                    .for_each(|worker| sum.add(&worker.counters()));
                Ok(sum)
            })
        })?;
        let queue = self.events.counts();
        let named = sum.named().into_iter().chain([
            ("events", queue.events),
            ("events_dropped", queue.dropped),
            ("python_wakeups", queue.wake_ups),
        ]);
        let counters = PyDict::new(py);
        for (name, value) in named {
            counters.set_item(name, value)?;
        }
        Ok(counters)
    }

    fn cpu_ns(&self) -> PyResult<Vec<u64>> {
        let used = |worker: &Worker| worker.counters().cpu_ns;
        self.with_workers(|workers| Ok(workers.iter().map(used).collect()))
    }

    fn close(&self, py: Python<'_>) {
        let workers = lock(&self.workers).take();
        // Dropping a worker joins its thread.
        py.detach(|| drop(workers));
    }
}

#[pymodule]
fn _core(py: Python<'_>, module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Core>()?;
    module.add_class::<DtlsReceived>()?;
    module.add_class::<AddressValidated>()?;
    module.add_class::<ConsentExpired>()?;
    module.add_class::<TrackActive>()?;
    module.add_class::<Shown>()?;
    module.add_class::<NotShowable>()?;
    module.add_class::<LayersWanted>()?;
    module.add_class::<SeatPaused>()?;
    module.add_class::<PeerStats>()?;
    module.add_class::<TrackStats>()?;
    module.add_class::<LayerStats>()?;
    module.add_class::<SenderStats>()?;
    let mut event = py.get_type::<DtlsReceived>().into_any();
    for other in [
        py.get_type::<AddressValidated>(),
        py.get_type::<ConsentExpired>(),
        py.get_type::<TrackActive>(),
        py.get_type::<Shown>(),
        py.get_type::<NotShowable>(),
    ] {
        event = event.bitor(other)?;
    }
    module.add("Event", event)?;
    load::add_to(py, module)
}
