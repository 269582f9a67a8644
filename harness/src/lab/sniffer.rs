//! Packet capture with libpcap, and the two facts that a run waits for: that something came, and that all is closed.
//!
//! A capture that is stopped too early loses its end without a word, since packets wait in a buffer that nobody reads
//! any more. So the kernel hands them over within milliseconds, and the capture ends only after the connections were
//! seen to close and the wire was quiet for far longer than that.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pcap::{Active, Capture, Device, Linktype, PacketHeader};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use wirestream::capture::CaptureWriter;
use wirestream::packet::{Decoded, Flags, FrameDecoder, Segment};
use wirestream::units::{LinkType, Timestamp};

use super::INTERFACE;
use super::copies::leave_out_outgoing;
use crate::error::{Error, Result};
use crate::machine::descriptors::keep_from_programs;
use crate::machine::privilege;
use crate::scenario::link::Link;
use crate::trace::sum::{Sum, Summed};

/// The longest packet that is captured whole: more than the 64 KiB that loopback carries at once.
const SNAPSHOT_BYTES: u32 = 262_144;

/// The kernel's buffer, which it keeps in memory that is never paged out, one for each lab.
///
/// It consists of blocks of 256 KiB, in which packets of any length are packed (libpcap's immediate mode, in contrast,
/// takes 64 KiB for each packet of loopback, so that a burst of a thousand small ones is too much for it). How much it
/// bears is measured by `make bench`.
const BUFFER_BYTES: i32 = 64 << 20;

/// The time after which the kernel is asked to hand over a block that is not full, in milliseconds.
const BLOCK_MILLISECONDS: i32 = 5;

/// The time after which it surely has handed it over: its clock may tick in steps of 10 ms.
const HANDED_OVER: Duration = Duration::from_millis(50);

/// The number of packets read before checking for a stop and reporting what was seen.
const MOST_AT_A_TIME: u32 = 4096;

/// The time to wait for a packet before checking for a stop: longer than the kernel takes to hand one over.
///
/// The waiting is ours: libpcap's own timeout is one for its buffer, and a silent wire may keep it waiting for good.
const LOOK_PERIOD: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// The advice about a file that cannot be written any further.
const MAKE_ROOM: &str =
    "make room there, or name another folder with --out; the old capture is as it was";

/// The silence required of the wire after the last connection closed: longer than any delayed acknowledgement.
const QUIET: Duration = Duration::from_millis(250);

/// The time without a packet after which an exchange is over: longer than the kernel takes to hand one over, and both
/// ends to answer.
const SILENCE: Duration = Duration::from_millis(100);

/// The extra silence required where packets get lost: the kernel's first repetitions are less than a second apart.
const REPETITIONS: Duration = Duration::from_secs(1);

/// The delays that tell how long silence has to last until it means something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// The time that a packet and its answer take.
    there_and_back: Duration,
    /// The time until a lost packet is sent again.
    repetitions: Duration,
}

impl Pace {
    /// Returns the pace of a link, or of an interface that hands over at once.
    #[must_use]
    pub fn of(link: Option<&Link>) -> Self {
        let Some(link) = link else {
            return Self::default();
        };
        Self {
            there_and_back: 2 * link.delay,
            repetitions: if link.loss > 0.0 {
                REPETITIONS
            } else {
                Duration::ZERO
            },
        }
    }

    /// Returns the silence required of the wire after the last connection closed. The last packet sent is answered, and
    /// so is its answer.
    fn quiet(self) -> Duration {
        QUIET + 2 * self.there_and_back + self.repetitions
    }

    /// Returns the time without a packet after which an exchange is over.
    fn silence(self) -> Duration {
        SILENCE + self.there_and_back
    }
}

/// A capture that is under way.
#[derive(Debug)]
pub struct Sniffer {
    pace: Pace,
    stop: Arc<AtomicBool>,
    seen: watch::Receiver<Seen>,
    link_type: LinkType,
}

/// The state of the capture so far.
#[derive(Clone, Debug, Default)]
struct Seen {
    packets: u64,
    /// The connections that were opened and not yet closed.
    open: Vec<(SocketAddr, SocketAddr)>,
    /// The result of the capture, once it has ended.
    end: Option<Result<Counters>>,
}

/// The counters of a capture that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Packets that were written to the file.
    pub packets: u64,
    /// The number of packets that libpcap says it received, including those dropped.
    pub received: u32,
    /// Packets that the kernel dropped because its buffer was full.
    pub dropped: u32,
    /// Packets that the interface dropped.
    pub interface_dropped: u32,
    /// The hash of the file.
    pub sum: Sum,
}

/// A capture that is live but not yet read: the kernel keeps what comes.
///
/// Opening it takes a capability; reading it takes no privilege.
pub struct OpenCapture {
    interface: String,
    capture: Capture<Active>,
    link_type: LinkType,
    savefile: CaptureWriter<Summed<File>>,
}

impl OpenCapture {
    /// Opens the capture of all TCP to and from `address`, but for what clients on the ports `left_out` have to do with it; it
    /// is live when this returns.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does not let us, or `savefile` cannot be written.
    pub fn open(
        interface: &str,
        address: SocketAddr,
        left_out: Option<RangeInclusive<u16>>,
        savefile: &Path,
    ) -> Result<Self> {
        let capture = open(interface, &filter(address, left_out))?;
        let link_type = link_type(&capture);
        let savefile = File::create(savefile)
            .and_then(|file| CaptureWriter::begin(Summed::new(file), link_type, SNAPSHOT_BYTES))
            .map_err(|error| {
                Error::environment(format!("cannot write the capture: {error}"))
                    .with_hint(MAKE_ROOM)
            })?;
        Ok(Self {
            interface: interface.to_owned(),
            capture,
            link_type,
            savefile,
        })
    }
}

impl Sniffer {
    /// Begins to read a capture.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no thread left for it.
    pub fn start(open: OpenCapture, pace: Pace) -> Result<Self> {
        let OpenCapture {
            interface,
            capture,
            link_type,
            savefile,
        } = open;
        info!(interface, %link_type, "capture is live");
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, seen) = watch::channel(Seen::default());
        let listener = Listener {
            capture,
            savefile,
            stop: Arc::clone(&stop),
            decoder: FrameDecoder::default(),
            link_type,
            connections: Connections::default(),
            tell,
        };
        std::thread::Builder::new()
            .name(format!("sniffer {interface}"))
            .spawn(move || listener.listen())
            .map_err(|error| Error::environment(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            pace,
            stop,
            seen,
            link_type,
        })
    }

    /// Returns the link type of the interface.
    #[must_use]
    pub const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Waits for the capture to fail, which it should not.
    pub fn failure(&self) -> impl Future<Output = Error> + Send + use<> {
        let mut seen = self.seen.clone();
        async move {
            let failed = |seen: &Seen| matches!(seen.end, Some(Err(_)));
            let end = seen
                .wait_for(failed)
                .await
                .ok()
                .and_then(|seen| seen.end.clone());
            match end {
                Some(Err(error)) => error,
                // It ended well, or its thread is gone with the run.
                _ => std::future::pending().await,
            }
        }
    }

    /// Waits until every connection was seen to close (FIN from both sides, or RST), and then for a quiet moment.
    ///
    /// # Errors
    ///
    /// Returns an error if that takes longer than `patience`; the capture is then not complete.
    pub async fn wait_for_close(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let seen = self.seen.borrow_and_update().clone();
            let all_closed = seen.packets > 0 && seen.open.is_empty();
            let quiet = Instant::now() + self.pace.quiet();
            let until = if all_closed {
                quiet.min(deadline)
            } else {
                deadline
            };
            match timeout_at(until, self.seen.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Error::run("the capture ended for no known reason")),
                Err(_) if all_closed && until == quiet => return Ok(()),
                Err(_) => return Err(not_closed(&seen, patience)),
            }
        }
    }

    /// Waits until there was no packet for a moment, or until `patience` ends, which begins when an answer can be here.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture has failed.
    pub async fn wait_for_silence(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + self.pace.there_and_back + patience;
        loop {
            let until = deadline.min(Instant::now() + self.pace.silence());
            match timeout_at(until, self.seen.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Error::run("the capture ended for no known reason")),
                Err(_) => return Ok(()),
            }
        }
    }

    /// Ends the capture: what the kernel still holds is written first.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture failed, or its file could not be written to the end.
    pub async fn finish(&mut self) -> Result<Counters> {
        self.stop.store(true, Ordering::Release);
        let seen = self
            .seen
            .wait_for(|seen| seen.end.is_some())
            .await
            .map_err(|_| Error::run("the capture ended for no known reason"))?;
        match &seen.end {
            Some(end) => end.clone(),
            None => Err(Error::run("the capture did not end")),
        }
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn not_closed(seen: &Seen, patience: Duration) -> Error {
    let seconds = patience.as_secs();
    if seen.packets == 0 {
        return Error::inconclusive("not a single packet was captured").with_hint(
            "does the client go to the program? its address is `{host}`, its port `{port}`",
        );
    }
    if seen.open.is_empty() {
        return Error::inconclusive(format!(
            "the wire was not quiet {seconds} s after the client was closed"
        ))
        .with_hint("somebody else talks to this port: find out with `ss -tnp`");
    }
    let open: Vec<_> = seen
        .open
        .iter()
        .map(|(client, server)| format!("{client} → {server}"))
        .collect();
    Error::inconclusive(format!(
        "the capture has no end: {} was still open {seconds} s after the client was closed",
        open.join(", ")
    ))
    .with_hint("a program must close a connection after its client has: does this one?")
}

/// Returns the filter of the capture, in the words of pcap-filter(7).
fn filter(address: SocketAddr, left_out: Option<RangeInclusive<u16>>) -> String {
    let all = format!("host {} and tcp port {}", address.ip(), address.port());
    match left_out {
        None => all,
        Some(ports) => format!(
            "{all} and not tcp portrange {}-{}",
            ports.start(),
            ports.end()
        ),
    }
}

fn open(interface: &str, filter: &str) -> Result<Capture<Active>> {
    let mut capture = Capture::from_device(interface)
        .map_err(|error| refused(interface, &error))?
        .timeout(BLOCK_MILLISECONDS)
        .snaplen(SNAPSHOT_BYTES.cast_signed())
        .buffer_size(BUFFER_BYTES)
        .open()
        .map_err(|error| refused(interface, &error))?;
    // libpcap leaves it to whoever is started next. Nobody is until here: this process has one thread.
    keep_from_programs(&capture).map_err(|errno| cannot_guard(interface, errno))?;
    capture
        .filter(filter, true)
        .map_err(|error| refused(interface, &error))?;
    // Known by its name, as libpcap knows it.
    if interface == INTERFACE {
        leave_out_outgoing(&capture, filter).map_err(|error| {
            Error::environment(format!("cannot filter on {interface}: {error:#}"))
        })?;
    }
    // From here on no more and no other packets can be had by it, whoever gets hold of it.
    bpf::lock_filter(capture.as_raw_fd()).map_err(|error| cannot_guard(interface, error))?;
    capture
        .setnonblock()
        .map_err(|error| refused(interface, &error))
}

fn cannot_guard(interface: &str, error: impl fmt::Display) -> Error {
    Error::environment(format!(
        "cannot keep the capture on {interface} to ourselves: {error}"
    ))
}

/// Returns the link type as capture files number it: for packets without a link header, Linux has another number.
fn link_type(capture: &Capture<Active>) -> LinkType {
    match capture.get_datalink() {
        Linktype::RAW => LinkType::RAW,
        Linktype(number) => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
    }
}

/// Returns the time at which a packet was captured.
fn time(header: &PacketHeader) -> Timestamp {
    let seconds = u64::try_from(header.ts.tv_sec).unwrap_or_default();
    let microseconds = u64::try_from(header.ts.tv_usec).unwrap_or_default();
    Timestamp::from_nanoseconds(seconds * 1_000_000_000 + microseconds * 1000)
}

fn cannot_write(error: &io::Error) -> Error {
    Error::run(format!("cannot write the capture: {error}")).with_hint(MAKE_ROOM)
}

fn refused(interface: &str, error: &pcap::Error) -> Error {
    let hint = match error {
        _ if !privilege::can_capture() => "capturing needs privilege: run `sudo make capture`",
        // In a container a process may have the capability and the machine's network not be its own.
        pcap::Error::PcapError(message) if message.contains("permi") => {
            "this container may not capture here: allow it to (`--cap-add NET_RAW`), or leave out `--network host`"
        }
        _ => "is memory short (`free -m`, `ulimit -v`)? a capture takes 64 MiB for each scenario",
    };
    Error::environment(format!("cannot capture on {interface}: {error}")).with_hint(hint)
}

/// The thread that reads packets.
struct Listener {
    capture: Capture<Active>,
    savefile: CaptureWriter<Summed<File>>,
    stop: Arc<AtomicBool>,
    decoder: FrameDecoder,
    link_type: LinkType,
    connections: Connections,
    tell: watch::Sender<Seen>,
}

impl Listener {
    fn listen(mut self) {
        let end = self.listen_until_stopped();
        self.tell.send_modify(|seen| seen.end = Some(end));
    }

    fn listen_until_stopped(&mut self) -> Result<Counters> {
        while !self.stop.load(Ordering::Acquire) {
            if self.read()? == 0 {
                self.flush()?;
                self.wait();
            }
        }
        self.read_the_rest()?;
        self.close()
    }

    /// Waits until the kernel hands something over, for a while.
    fn wait(&self) {
        let descriptor = self.capture.as_fd();
        // Whatever ends the waiting, the next look tells.
        let _ = poll(
            &mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)],
            Some(&LOOK_PERIOD),
        );
    }

    /// Reads what the kernel still has; nothing tells whether it has, so it is given the time to hand it over.
    fn read_the_rest(&mut self) -> Result<()> {
        std::thread::sleep(HANDED_OVER);
        while self.read()? == MOST_AT_A_TIME {}
        Ok(())
    }

    /// Reads what the kernel has handed over, up to [`MOST_AT_A_TIME`], and reports it; returns the number of packets.
    fn read(&mut self) -> Result<u32> {
        let mut packets = 0;
        while packets < MOST_AT_A_TIME {
            match self.capture.next_packet() {
                Ok(packet) => {
                    packets += 1;
                    self.savefile
                        .packet(time(packet.header), packet.header.len, packet.data)
                        .map_err(|error| cannot_write(&error))?;
                    let decoded =
                        self.decoder
                            .decode(self.link_type, packet.data, packet.header.len);
                    if let Decoded::Segment(segment) = decoded {
                        self.connections.observe(&segment);
                    }
                }
                Err(pcap::Error::TimeoutExpired) => break,
                Err(error) => {
                    return Err(Error::run(format!("the capture failed: {error}"))
                        .with_hint("was the interface taken down? run it again"));
                }
            }
        }
        if packets > 0 {
            let open = self.connections.open();
            self.tell.send_modify(|seen| {
                seen.packets += u64::from(packets);
                seen.open = open;
            });
        }
        Ok(packets)
    }

    fn flush(&mut self) -> Result<()> {
        self.savefile.flush().map_err(|error| cannot_write(&error))
    }

    fn close(&mut self) -> Result<Counters> {
        self.flush()?;
        let statistics = self
            .capture
            .stats()
            .map_err(|error| Error::run(format!("cannot read the capture's counters: {error}")))?;
        Ok(Counters {
            packets: self.tell.borrow().packets,
            received: statistics.received,
            dropped: statistics.dropped,
            interface_dropped: statistics.if_dropped,
            sum: self.savefile.output().sum(),
        })
    }
}

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name, such as `eth0`.
    pub name: String,
    /// All of its addresses.
    pub addresses: Vec<IpAddr>,
    /// True if it is a loopback interface.
    pub is_loopback: bool,
}

impl Interface {
    /// Returns its addresses, as in `127.0.0.1 (lo)`.
    pub fn named_addresses(&self) -> impl Iterator<Item = String> {
        let named = |address: &IpAddr| format!("{address} ({})", self.name);
        self.addresses.iter().map(named)
    }
}

/// Returns the interfaces of this machine that can be captured on; empty if the system does not tell.
#[must_use]
pub fn interfaces() -> Vec<Interface> {
    let devices = Device::list().unwrap_or_default();
    let interface = |device: Device| Interface {
        is_loopback: device.flags.is_loopback(),
        name: device.name,
        addresses: device
            .addresses
            .iter()
            .map(|address| address.addr)
            .collect(),
    };
    // libpcap lists sources of other kinds too, which have no address: USB, Bluetooth, `any`.
    let has_address = |device: &Device| !device.addresses.is_empty();
    devices
        .into_iter()
        .filter(has_address)
        .map(interface)
        .collect()
}

/// Returns the version of libpcap, told by the name of the file that was loaded; libpcap itself tells only C programs.
#[must_use]
pub fn libpcap_version() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .find_map(|line| {
            line.split_once("libpcap.so.")
                .map(|(_, version)| version.to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    open: HashMap<(SocketAddr, SocketAddr), Ends>,
}

/// The ends of a connection that have sent their FIN.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    client: bool,
    server: bool,
}

impl Connections {
    fn observe(&mut self, segment: &Segment<'_>) {
        let from_client = (segment.source, segment.destination);
        let from_server = (segment.destination, segment.source);
        if segment.flags.opens() {
            self.open.insert(from_client, Ends::default());
        } else if segment.flags.has(Flags::RST) {
            self.open.remove(&from_client);
            self.open.remove(&from_server);
        } else if segment.flags.has(Flags::FIN) {
            self.end(from_client, |ends| ends.client = true);
            self.end(from_server, |ends| ends.server = true);
        }
    }

    fn end(&mut self, connection: (SocketAddr, SocketAddr), mark: impl FnOnce(&mut Ends)) {
        let Some(ends) = self.open.get_mut(&connection) else {
            return;
        };
        mark(ends);
        if ends.client && ends.server {
            self.open.remove(&connection);
        }
    }

    fn open(&self) -> Vec<(SocketAddr, SocketAddr)> {
        self.open.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "127.0.0.1:50000";
    const SERVER: &str = "127.0.0.1:8000";

    fn observe(connections: &mut Connections, source: &str, destination: &str, flags: Flags) {
        connections.observe(&Segment {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence: 0,
            acknowledgement: 0,
            flags,
            window: 0,
            header_bytes: 20,
            header: &[],
            payload: &[],
            payload_length: 0,
        });
    }

    fn opened() -> Connections {
        let mut connections = Connections::default();
        observe(&mut connections, CLIENT, SERVER, Flags::SYN);
        observe(
            &mut connections,
            SERVER,
            CLIENT,
            Flags::SYN.with(Flags::ACK),
        );
        assert_eq!(connections.open().len(), 1);
        connections
    }

    #[test]
    fn a_connection_is_open_until_both_sides_said_so() {
        let mut connections = opened();

        observe(
            &mut connections,
            SERVER,
            CLIENT,
            Flags::FIN.with(Flags::ACK),
        );
        assert_eq!(connections.open().len(), 1);

        observe(
            &mut connections,
            CLIENT,
            SERVER,
            Flags::FIN.with(Flags::ACK),
        );
        assert!(connections.open().is_empty());
    }

    #[test]
    fn a_reset_from_either_side_closes_it() {
        for (source, destination) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
            let mut connections = opened();
            observe(&mut connections, source, destination, Flags::RST);
            assert!(connections.open().is_empty());
        }
    }
}
