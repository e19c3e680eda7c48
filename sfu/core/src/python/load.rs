//! The load engine as Python sees it; `agents/load/media.py` has the values that it reads.
//!
//! `agents/load → **python/load** → load::engine (commands) … events, snapshot → **python/load** → agents/load`
//!
//! A call checks what it can against the books it keeps (which endpoints and clips there are, which m-lines), so that a
//! wrong one is an exception in the caller's face.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::{Extensions, MAX_DTLS, event, kind, lock, os_error};
use crate::codec::Codec;
use crate::header::MAX_MID;
use crate::load::clip::{self, Clip};
use crate::load::config;
use crate::load::engine::{Engine, EngineConfig, LoadCommand, own_socket, shares_socket};
use crate::load::events::{LoadEvent, LoadEvents};
use crate::load::fleet::MAX_ENDPOINTS;
use crate::load::histogram;
use crate::load::link::LinkConfig;
use crate::load::totals;
use crate::media::Kind;
use crate::srtp::{Inbound, Outbound, Profile};
use crate::worker::CommandError;

/// Of an emulated link: beyond it no call works.
const MAX_DELAY_MS: f64 = 10_000.0;
/// A day: no clip is longer, and no time in nanoseconds overflows.
const MAX_CLIP_MS: f64 = 86_400_000.0;

#[derive(FromPyObject)]
struct LoadFrame {
    at_ms: f64,
    keyframe: bool,
    data: Vec<u8>,
}

#[derive(FromPyObject)]
struct LoadClip {
    kind: String,
    codec: String,
    clock_rate: u32,
    frames: Vec<LoadFrame>,
}

#[derive(FromPyObject)]
struct SentLayer {
    rid: Option<String>,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    clip: u32,
}

#[derive(FromPyObject)]
struct SentTrack {
    mid: String,
    kind: String,
    payload_type: u8,
    rtx_payload_type: Option<u8>,
    layers: Vec<SentLayer>,
    offset_ms: f64,
}

#[derive(FromPyObject)]
struct ReceivedTrack {
    mid: String,
    kind: String,
    ssrc: Option<u32>,
    rtx_ssrc: Option<u32>,
    payload_types: Vec<u8>,
    clock_rate: u32,
    rtx_payload_types: Vec<u8>,
    nack: bool,
    pli: bool,
}

#[derive(FromPyObject)]
struct EndpointMedia {
    sends: Vec<SentTrack>,
    receives: Vec<ReceivedTrack>,
    extensions: Extensions,
    rtcp_ssrc: u32,
}

fn invalid(text: String) -> PyErr {
    PyValueError::new_err(text)
}

/// Milliseconds as nanoseconds, if they are within bounds.
fn nanos(ms: f64, most: f64, what: &str) -> PyResult<u64> {
    if (0.0..=most).contains(&ms) {
        Ok((ms * 1e6) as u64)
    } else {
        Err(invalid(format!("{what} is {ms}, not 0 to {most}")))
    }
}

fn payload_types(types: impl IntoIterator<Item = u8>, mid: &str) -> PyResult<()> {
    match types.into_iter().find(|&one| one > 127) {
        Some(wrong) => Err(invalid(format!(
            "m-line {mid}: payload type {wrong} is above 127"
        ))),
        None => Ok(()),
    }
}

impl LoadClip {
    fn checked(self) -> PyResult<Clip> {
        let kind = kind(&self.kind, "of a clip")?;
        if self.clock_rate == 0 {
            return Err(invalid("the clock rate of a clip is 0".into()));
        }
        let frame = |(index, frame): (usize, LoadFrame)| {
            Ok(clip::Frame {
                at_ns: nanos(frame.at_ms, MAX_CLIP_MS, &format!("at_ms of frame {index}"))?,
                keyframe: frame.keyframe,
                data: frame.data,
            })
        };
        let frames: PyResult<Vec<_>> = self.frames.into_iter().enumerate().map(frame).collect();
        let source = clip::Source {
            kind,
            codec: Codec::from_name(&self.codec),
            clock_rate: self.clock_rate,
            frames: frames?,
        };
        Clip::new(&source).map_err(|error| invalid(error.to_string()))
    }
}

impl SentTrack {
    fn checked(self, books: &Books) -> PyResult<config::SentTrack> {
        let kind = kind(&self.kind, &self.mid)?;
        payload_types(
            [Some(self.payload_type), self.rtx_payload_type]
                .into_iter()
                .flatten(),
            &self.mid,
        )?;
        if self.mid.len() > MAX_MID {
            let text = format!(
                "m-line {}: a mid has {MAX_MID} characters at most",
                self.mid
            );
            return Err(invalid(text));
        }
        if self.layers.is_empty() {
            return Err(invalid(format!("m-line {} has no layer", self.mid)));
        }
        let mid = &self.mid;
        let layers: PyResult<Vec<_>> = self
            .layers
            .into_iter()
            .map(|layer| layer.checked(books, kind, mid))
            .collect();
        Ok(config::SentTrack {
            kind,
            payload_type: self.payload_type,
            rtx_payload_type: self.rtx_payload_type,
            layers: layers?,
            offset_ns: nanos(self.offset_ms, MAX_CLIP_MS, "offset_ms")?,
            mid: self.mid,
        })
    }
}

impl SentLayer {
    fn checked(self, books: &Books, kind: Kind, mid: &str) -> PyResult<config::SentLayer> {
        match books.clips.get(self.clip as usize) {
            None => {
                return Err(PyKeyError::new_err(format!(
                    "there is no clip {}",
                    self.clip
                )));
            }
            Some(of) if *of != kind => {
                let text = format!("m-line {mid} and clip {} are not of one kind", self.clip);
                return Err(invalid(text));
            }
            Some(_) => {}
        }
        if self.rid.as_ref().is_some_and(|rid| rid.len() > MAX_MID) {
            let text = format!("m-line {mid}: a rid has {MAX_MID} characters at most");
            return Err(invalid(text));
        }
        Ok(config::SentLayer {
            rid: self.rid,
            ssrc: self.ssrc,
            rtx_ssrc: self.rtx_ssrc,
            clip: self.clip,
        })
    }
}

impl ReceivedTrack {
    fn checked(self) -> PyResult<config::ReceivedTrack> {
        let all = self.payload_types.iter().chain(&self.rtx_payload_types);
        payload_types(all.copied(), &self.mid)?;
        if self.clock_rate == 0 {
            return Err(invalid(format!("m-line {} has clock rate 0", self.mid)));
        }
        Ok(config::ReceivedTrack {
            kind: kind(&self.kind, &self.mid)?,
            mid: self.mid,
            ssrc: self.ssrc,
            rtx_ssrc: self.rtx_ssrc,
            payload_types: self.payload_types,
            rtx_payload_types: self.rtx_payload_types,
            clock_rate: self.clock_rate,
            nack: self.nack,
            pli: self.pli,
        })
    }
}

impl EndpointMedia {
    fn checked(self, books: &Books) -> PyResult<config::EndpointMedia> {
        let mut seen = HashSet::new();
        let sent = self.sends.iter().map(|track| &track.mid);
        let mut mids = sent.chain(self.receives.iter().map(|track| &track.mid));
        // One m-line may both send and receive, but nothing twice.
        let both = self.sends.len();
        if let Some((_, twice)) = mids
            .by_ref()
            .enumerate()
            .find(|(index, mid)| !seen.insert((*index < both, (*mid).clone())))
        {
            return Err(invalid(format!("mid {twice} is there twice")));
        }
        let sends: PyResult<Vec<_>> = self
            .sends
            .into_iter()
            .map(|track| track.checked(books))
            .collect();
        let receives: PyResult<Vec<_>> = self
            .receives
            .into_iter()
            .map(ReceivedTrack::checked)
            .collect();
        Ok(config::EndpointMedia {
            sends: sends?,
            receives: receives?,
            extensions: self.extensions.checked()?,
            rtcp_ssrc: self.rtcp_ssrc,
        })
    }
}

event!(
    EndpointConnected {
        endpoint: u32,
        at_ns: u64
    },
    ["endpoint", "at_ns"]
);
event!(
    FirstMedia {
        endpoint: u32,
        mid: String,
        at_ns: u64
    },
    ["endpoint", "mid", "at_ns"]
);
event!(EndpointLost { endpoint: u32 }, ["endpoint"]);

#[pyclass(frozen, eq, module = "sfu._core")]
#[derive(Clone, PartialEq)]
struct EndpointDtls {
    #[pyo3(get)]
    endpoint: u32,
    bytes: Vec<Vec<u8>>,
}

#[pymethods]
impl EndpointDtls {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Py<PyTuple>> {
        PyTuple::new(py, ["endpoint", "datagrams"]).map(Bound::unbind)
    }

    #[new]
    fn new(endpoint: u32, datagrams: Vec<Vec<u8>>) -> Self {
        Self {
            endpoint,
            bytes: datagrams,
        }
    }

    #[getter]
    fn datagrams<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let all = self.bytes.iter();
        all.map(|datagram| PyBytes::new(py, datagram)).collect()
    }

    fn __repr__(&self) -> String {
        let sizes: Vec<usize> = self.bytes.iter().map(Vec::len).collect();
        format!(
            "EndpointDtls(endpoint={}, datagrams=<of {sizes:?} bytes>)",
            self.endpoint
        )
    }
}

fn to_python(py: Python<'_>, event: LoadEvent) -> PyResult<Py<PyAny>> {
    let any = match event {
        LoadEvent::Connected { endpoint, at } => {
            let at_ns = at.as_nanos();
            Bound::new(py, EndpointConnected { endpoint, at_ns })?.into_any()
        }
        LoadEvent::Dtls { endpoint, datagram } => {
            let bytes = vec![datagram];
            Bound::new(py, EndpointDtls { endpoint, bytes })?.into_any()
        }
        LoadEvent::FirstMedia { endpoint, mid, at } => {
            let at_ns = at.as_nanos();
            let event = FirstMedia {
                endpoint,
                mid,
                at_ns,
            };
            Bound::new(py, event)?.into_any()
        }
        LoadEvent::Lost { endpoint } => Bound::new(py, EndpointLost { endpoint })?.into_any(),
    };
    Ok(any.unbind())
}

/// Counts in buckets at most 1/64 wide.
#[pyclass(frozen, module = "sfu._core")]
struct Histogram(histogram::Histogram);

#[pymethods]
impl Histogram {
    #[getter]
    fn count(&self) -> u64 {
        self.0.count()
    }

    #[getter]
    fn min(&self) -> f64 {
        self.0.min() as f64
    }

    #[getter]
    fn max(&self) -> f64 {
        self.0.max() as f64
    }

    #[getter]
    fn mean(&self) -> f64 {
        self.0.mean()
    }

    fn quantile(&self, q: f64) -> PyResult<f64> {
        if !(0.0..=1.0).contains(&q) {
            return Err(invalid(format!("quantile {q} is not 0 to 1")));
        }
        Ok(self.0.quantile(q))
    }

    fn buckets(&self) -> Vec<(f64, u64)> {
        let buckets = self.0.buckets();
        buckets
            .map(|(upper, count)| (upper as f64, count))
            .collect()
    }
}

/// Declares the snapshot: what is computed, and what is taken over by name.
macro_rules! snapshot {
    ($($name:ident),*) => {
        #[pyclass(frozen, get_all, module = "sfu._core")]
        struct LoadSnapshot {
            at_ns: u64,
            lost: u64,
            socket_drops: u64,
            wakeups: u64,
            thread_cpu_ns: u64,
            delay_us: Py<Histogram>,
            frame_delay_us: Py<Histogram>,
            late_us: Py<Histogram>,
            $($name: u64,)*
        }

        impl LoadSnapshot {
            fn new(py: Python<'_>, it: totals::Snapshot) -> PyResult<Self> {
                Ok(Self {
                    at_ns: it.at.as_nanos(),
                    lost: it.totals.lost(),
                    socket_drops: it.socket_drops,
                    wakeups: it.wakeups,
                    thread_cpu_ns: it.cpu.as_nanos() as u64,
                    delay_us: Py::new(py, Histogram(it.delay_us))?,
                    frame_delay_us: Py::new(py, Histogram(it.frame_delay_us))?,
                    late_us: Py::new(py, Histogram(it.late_us))?,
                    $($name: it.totals.$name,)*
                })
            }
        }
    };
}

snapshot!(
    packets_sent,
    octets_sent,
    packets_received,
    octets_received,
    expected,
    recovered,
    duplicated,
    out_of_order,
    checked,
    corrupt,
    replayed_or_forged,
    unmapped,
    keyframe_requests_sent,
    keyframe_requests_received,
    nacks_sent,
    nacks_received,
    retransmitted,
    frames_received,
    freezes,
    freeze_ns,
    send_dropped,
    emulated_drops
);

#[pyclass(frozen, get_all, module = "sfu._core")]
struct EndpointStats {
    endpoint: u32,
    packets_received: u64,
    octets_received: u64,
    lost: u64,
    freezes: u64,
    freeze_ns: u64,
    first_media_ns: Option<u64>,
    rtt_us: Option<f64>,
    delay_p50_us: f64,
    delay_p99_us: f64,
}

impl From<totals::EndpointStats> for EndpointStats {
    fn from(it: totals::EndpointStats) -> Self {
        Self {
            endpoint: it.endpoint,
            packets_received: it.totals.packets_received,
            octets_received: it.totals.octets_received,
            lost: it.totals.lost(),
            freezes: it.totals.freezes,
            freeze_ns: it.totals.freeze_ns,
            first_media_ns: it.first_media.map(|at| at.as_nanos()),
            rtt_us: it.rtt.map(|rtt| rtt.as_secs_f64() * 1e6),
            delay_p50_us: it.delay_p50_us,
            delay_p99_us: it.delay_p99_us,
        }
    }
}

/// What there is, so that a wrong handle is told at once.
#[derive(Default)]
struct Books {
    clips: Vec<Kind>,
    endpoints: HashMap<u32, HashSet<String>>,
    /// Endpoints ever added.
    count: u32,
}

impl Books {
    fn endpoint(&self, endpoint: u32) -> PyResult<&HashSet<String>> {
        let found = self.endpoints.get(&endpoint);
        found.ok_or_else(|| PyKeyError::new_err(format!("there is no endpoint {endpoint}")))
    }

    fn sent(&self, endpoint: u32, mid: &str) -> PyResult<()> {
        match self.endpoint(endpoint)?.contains(mid) {
            true => Ok(()),
            false => Err(PyKeyError::new_err(format!(
                "endpoint {endpoint} does not send on m-line {mid}"
            ))),
        }
    }
}

/// One thread with thousands of endpoints.
#[pyclass(frozen, module = "sfu._core")]
struct LoadEngine {
    engine: Mutex<Option<Engine>>,
    books: Mutex<Books>,
    events: Arc<LoadEvents>,
}

impl LoadEngine {
    fn with_engine<T>(&self, use_it: impl FnOnce(&Engine) -> PyResult<T>) -> PyResult<T> {
        match &*lock(&self.engine) {
            Some(engine) => use_it(engine),
            None => Err(PyRuntimeError::new_err("the load engine is closed")),
        }
    }

    fn send(&self, command: LoadCommand) -> PyResult<()> {
        self.with_engine(|engine| engine.command(command).map_err(command_error))
    }
}

fn command_error(error: CommandError) -> PyErr {
    PyRuntimeError::new_err(match error {
        CommandError::Stopped => "the load engine has stopped",
        CommandError::Overloaded => "the load engine does not keep up",
    })
}

fn server(remote: &(String, u16)) -> PyResult<SocketAddr> {
    let (host, port) = remote;
    let ip: IpAddr = host
        .parse()
        .map_err(|_| invalid(format!("remote host {host:?} is not an IP address")))?;
    match port {
        0 => Err(invalid("remote port is 0".into())),
        port => Ok(SocketAddr::new(ip, *port)),
    }
}

fn link(loss: f64, delay_ms: f64, jitter_ms: f64) -> PyResult<LinkConfig> {
    if !(0.0..=1.0).contains(&loss) {
        return Err(invalid(format!("loss is {loss}, not 0 to 1")));
    }
    let time = |ms, what| nanos(ms, MAX_DELAY_MS, what).map(Duration::from_nanos);
    Ok(LinkConfig {
        loss,
        delay: time(delay_ms, "delay_ms")?,
        jitter: time(jitter_ms, "jitter_ms")?,
    })
}

#[pymethods]
impl LoadEngine {
    #[new]
    #[pyo3(signature = (*, seed = 0, check_every = 16, cpu = None))]
    fn new(seed: u64, check_every: u32, cpu: Option<usize>) -> PyResult<Self> {
        if check_every == 0 {
            return Err(invalid("check_every is 0".into()));
        }
        let config = EngineConfig {
            seed,
            check_every,
            cpu,
        };
        let engine = Engine::start(config).map_err(os_error)?;
        Ok(Self {
            events: Arc::clone(engine.events()),
            engine: Mutex::new(Some(engine)),
            books: Mutex::default(),
        })
    }

    fn fileno(&self) -> i32 {
        self.events.as_raw_fd()
    }

    fn events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let events = self.events.take().into_iter();
        events.map(|event| to_python(py, event)).collect()
    }

    fn add_clip(&self, py: Python<'_>, clip: LoadClip) -> PyResult<usize> {
        let clip = py.detach(|| clip.checked())?;
        let mut books = lock(&self.books);
        let kind = clip.kind;
        self.send(LoadCommand::AddClip(Arc::new(clip)))?;
        books.clips.push(kind);
        Ok(books.clips.len() - 1)
    }

    #[pyo3(signature = (
        *, local_ufrag, local_password, remote_ufrag, remote_password, remote, loss = 0.0, delay_ms = 0.0, jitter_ms = 0.0
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keywords in Python, where they are told apart"
    )]
    fn add_endpoint(
        &self,
        local_ufrag: String,
        local_password: String,
        remote_ufrag: String,
        remote_password: String,
        remote: (String, u16),
        loss: f64,
        delay_ms: f64,
        jitter_ms: f64,
    ) -> PyResult<u32> {
        let config = config::EndpointConfig {
            local_ufrag,
            local_password,
            remote_ufrag,
            remote_password,
            remote: server(&remote)?,
            link: link(loss, delay_ms, jitter_ms)?,
        };
        let own = !shares_socket(&config.remote);
        let socket = own.then(|| own_socket(&config.remote).map_err(os_error));
        let socket = socket.transpose()?;
        let mut books = lock(&self.books);
        let id = books.count;
        if id >= MAX_ENDPOINTS {
            return Err(PyRuntimeError::new_err(
                "the load engine has no further address",
            ));
        }
        let config = Box::new(config);
        self.send(LoadCommand::AddEndpoint { id, config, socket })?;
        books.count += 1;
        books.endpoints.insert(id, HashSet::new());
        Ok(id)
    }

    fn send_dtls(&self, endpoint: u32, datagram: &[u8]) -> PyResult<()> {
        if datagram.len() > MAX_DTLS {
            let text = format!(
                "a DTLS datagram of {} bytes is longer than {MAX_DTLS}",
                datagram.len()
            );
            return Err(invalid(text));
        }
        lock(&self.books).endpoint(endpoint)?;
        let datagram = datagram.to_vec();
        self.send(LoadCommand::SendDtls {
            id: endpoint,
            datagram,
        })
    }

    fn set_keys(
        &self,
        endpoint: u32,
        profile: &str,
        remote_key: &[u8],
        remote_salt: &[u8],
        local_key: &[u8],
        local_salt: &[u8],
    ) -> PyResult<()> {
        lock(&self.books).endpoint(endpoint)?;
        let profile = Profile::from_name(profile)
            .ok_or_else(|| invalid(format!("unknown SRTP profile {profile:?}")))?;
        let wrong = |whose: &str, error: &dyn std::fmt::Display| {
            invalid(format!("{whose} key of endpoint {endpoint}: {error}"))
        };
        let inbound = Inbound::new(profile, remote_key, remote_salt)
            .map_err(|error| wrong("remote", &error))?;
        let outbound = Outbound::new(profile, local_key, local_salt)
            .map_err(|error| wrong("local", &error))?;
        let keys = Box::new((inbound, outbound));
        self.send(LoadCommand::SetKeys { id: endpoint, keys })
    }

    fn set_media(&self, endpoint: u32, media: EndpointMedia) -> PyResult<()> {
        let mut books = lock(&self.books);
        books.endpoint(endpoint)?;
        let media = media.checked(&books)?;
        let sent = media.sends.iter().map(|track| track.mid.clone()).collect();
        let media = Box::new(media);
        self.send(LoadCommand::SetMedia {
            id: endpoint,
            media,
        })?;
        books.endpoints.insert(endpoint, sent);
        Ok(())
    }

    fn set_sending(&self, endpoint: u32, mid: String, sending: bool) -> PyResult<()> {
        lock(&self.books).sent(endpoint, &mid)?;
        self.send(LoadCommand::SetSending {
            id: endpoint,
            mid,
            sending,
        })
    }

    fn set_layers(&self, endpoint: u32, mid: String, rids: Vec<String>) -> PyResult<()> {
        lock(&self.books).sent(endpoint, &mid)?;
        self.send(LoadCommand::SetLayers {
            id: endpoint,
            mid,
            rids,
        })
    }

    fn remove_endpoint(&self, endpoint: u32) -> PyResult<()> {
        let mut books = lock(&self.books);
        books.endpoint(endpoint)?;
        self.send(LoadCommand::RemoveEndpoint { id: endpoint })?;
        books.endpoints.remove(&endpoint);
        Ok(())
    }

    fn reset(&self) -> PyResult<()> {
        self.send(LoadCommand::Reset)
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<LoadSnapshot> {
        let ask = || self.with_engine(|engine| engine.snapshot().map_err(command_error));
        let snapshot = py.detach(ask)?;
        LoadSnapshot::new(py, snapshot)
    }

    fn endpoint_stats(&self, py: Python<'_>) -> PyResult<Vec<EndpointStats>> {
        let ask = || self.with_engine(|engine| engine.stats().map_err(command_error));
        let stats = py.detach(ask)?;
        Ok(stats.into_iter().map(EndpointStats::from).collect())
    }

    fn close(&self, py: Python<'_>) {
        let engine = lock(&self.engine).take();
        // Dropping an engine joins its thread.
        py.detach(|| drop(engine));
    }
}

/// Adds the engine's classes to the module.
pub(super) fn add_to(py: Python<'_>, module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LoadEngine>()?;
    module.add_class::<LoadSnapshot>()?;
    module.add_class::<Histogram>()?;
    module.add_class::<EndpointStats>()?;
    module.add_class::<EndpointConnected>()?;
    module.add_class::<EndpointDtls>()?;
    module.add_class::<FirstMedia>()?;
    module.add_class::<EndpointLost>()?;
    let mut event = py.get_type::<EndpointConnected>().into_any();
    for other in [
        py.get_type::<EndpointDtls>(),
        py.get_type::<FirstMedia>(),
        py.get_type::<EndpointLost>(),
    ] {
        event = event.bitor(other)?;
    }
    module.add("LoadEvent", event)
}
