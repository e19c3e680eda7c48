//! Which addresses are the peer's: our half of ICE, the lite one.
//!
//! `demux → stun → **ice** → peer`
//!
//! An address is validated by a check with the right USERNAME and MESSAGE-INTEGRITY (RFC 8445 §7.3), and by nothing
//! else.  The first one is used at once; a later USE-CANDIDATE from another address moves the peer there.  Without a
//! check for 30 s consent is over (RFC 7675 §5.1) and every address is forgotten.

use std::time::Duration;

use crate::demux::Path;
use crate::stun::{BindingRequest, StunKey};
use crate::time::Instant;

/// RFC 7675 §5.1.
pub const CONSENT: Duration = Duration::from_secs(30);
/// Ways a peer can have at a time: a phone with Wi-Fi and mobile, IPv4 and IPv6, has four.
pub const MAX_PATHS: usize = 8;

/// An address stays its peer's for this long after a check: browsers check every 2.5 to 5 s.
const HOLD: Duration = Duration::from_secs(6);

/// One generation of ICE credentials, ours.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Local ufrag.
    pub ufrag: String,
    /// Of the local password.
    pub key: StunKey,
}

impl Credentials {
    /// Credentials of a ufrag and its password.
    pub fn new(ufrag: &str, password: &str) -> Self {
        Self {
            ufrag: ufrag.to_owned(),
            key: StunKey::new(password),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Validated {
    path: Path,
    last_check: Instant,
}

/// The ICE state of one peer.
#[derive(Debug)]
pub struct Ice {
    current: Credentials,
    /// Of the generation before a restart; good until the first check with the current ones.
    previous: Option<Credentials>,
    paths: Vec<Validated>,
    selected: Option<Path>,
    restarted: bool,
    last_check: Instant,
    expired: bool,
}

/// What a good check changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// An address that was not known yet.
    pub added: Option<Path>,
    /// One that had to go for it.
    pub evicted: Option<Path>,
    /// The selected path is another now.
    pub moved: bool,
    /// The ufrag of the old generation, which ends with this check.
    pub retired: Option<String>,
}

impl Ice {
    /// No address yet.
    pub fn new(credentials: Credentials, now: Instant) -> Self {
        Self {
            current: credentials,
            previous: None,
            paths: Vec::new(),
            selected: None,
            restarted: false,
            last_check: now,
            expired: false,
        }
    }

    /// Where packets for the peer go.
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// All that is validated.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().map(|validated| validated.path)
    }

    /// Every ufrag the peer answers to.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        let previous = self.previous.iter();
        std::iter::once(&self.current)
            .chain(previous)
            .map(|credentials| credentials.ufrag.as_str())
    }

    /// The key to answer a check with, if the check is authentic.
    pub fn authenticate(&self, request: &BindingRequest<'_>) -> Option<&StunKey> {
        let credentials = std::iter::once(&self.current).chain(&self.previous);
        credentials
            .filter(|credentials| credentials.ufrag == request.local())
            .map(|credentials| &credentials.key)
            .find(|key| request.verify(key))
    }

    /// New credentials; the ufrag that no longer counts at all, if there were two generations already.
    pub fn restart(&mut self, credentials: Credentials) -> Option<String> {
        let current = std::mem::replace(&mut self.current, credentials);
        self.restarted = true;
        self.previous
            .replace(current)
            .map(|credentials| credentials.ufrag)
    }

    /// Takes note of an authentic check.
    pub fn checked(
        &mut self,
        local_ufrag: &str,
        nominated: bool,
        path: Path,
        now: Instant,
    ) -> Checked {
        self.last_check = now;
        self.expired = false;
        let mut checked = Checked::default();
        let is_current = local_ufrag == self.current.ufrag;
        let first_of_generation = is_current && self.restarted;
        if first_of_generation {
            self.restarted = false;
            checked.retired = self.previous.take().map(|credentials| credentials.ufrag);
        }
        self.note(path, now, &mut checked);
        let takes_over = nominated && is_current || self.selected.is_none() || first_of_generation;
        if takes_over && self.selected != Some(path) {
            self.selected = Some(path);
            checked.moved = true;
        }
        checked
    }

    fn note(&mut self, path: Path, now: Instant, checked: &mut Checked) {
        if let Some(known) = self.paths.iter_mut().find(|known| known.path == path) {
            known.last_check = now;
            return;
        }
        if self.paths.len() >= MAX_PATHS {
            checked.evicted = self.evict();
        }
        checked.added = Some(path);
        self.paths.push(Validated {
            path,
            last_check: now,
        });
    }

    /// Forgets the address that was checked longest ago; never the one in use.
    fn evict(&mut self) -> Option<Path> {
        let candidates = self.paths.iter().enumerate();
        let oldest = candidates
            .filter(|(_, validated)| Some(validated.path) != self.selected)
            .min_by_key(|(_, validated)| validated.last_check)
            .map(|(index, _)| index)?;
        Some(self.paths.swap_remove(oldest).path)
    }

    /// The peer has proved a moment ago that the address is its own: nobody else gets it, whatever he can forge.
    pub fn holds(&self, path: &Path, now: Instant) -> bool {
        let known = self.paths.iter().find(|validated| validated.path == *path);
        known.is_some_and(|validated| now.saturating_since(validated.last_check) < HOLD)
    }

    /// Another peer has proved that the address is his.
    pub fn forget(&mut self, path: &Path) {
        self.paths.retain(|validated| validated.path != *path);
        if self.selected.as_ref() == Some(path) {
            self.selected = self.paths.first().map(|validated| validated.path);
        }
    }

    /// When consent ends unless a check comes; `None` once it has ended.
    pub fn deadline(&self) -> Option<Instant> {
        (!self.expired).then(|| self.last_check + CONSENT)
    }

    /// Ends consent if it is time: gives the addresses that no longer count.
    pub fn expire(&mut self, now: Instant) -> Option<Vec<Path>> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        self.expired = true;
        self.selected = None;
        Some(
            self.paths
                .drain(..)
                .map(|validated| validated.path)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1);

    fn path(port: u16) -> Path {
        Path::to(([192, 0, 2, 1], port).into())
    }

    fn ice() -> Ice {
        Ice::new(Credentials::new("first", "password"), Instant::default())
    }

    #[test]
    fn the_first_address_is_used_at_once_and_only_a_nomination_moves_it() {
        let mut ice = ice();
        assert!(ice.checked("first", false, path(1), NOW).moved);
        assert!(!ice.checked("first", false, path(2), NOW).moved);
        assert_eq!(ice.selected(), Some(path(1)));
        assert!(ice.checked("first", true, path(2), NOW).moved);
        assert!(!ice.checked("first", true, path(2), NOW).moved);
        assert_eq!(ice.selected(), Some(path(2)));
    }

    #[test]
    fn old_credentials_answer_until_the_first_check_with_the_new_ones() {
        let mut ice = ice();
        ice.checked("first", true, path(1), NOW);
        assert_eq!(ice.restart(Credentials::new("second", "other")), None);
        assert_eq!(ice.ufrags().collect::<Vec<_>>(), ["second", "first"]);
        assert_eq!(
            ice.checked("first", false, path(1), NOW),
            Checked::default()
        );
        let checked = ice.checked("second", false, path(2), NOW);
        assert_eq!(
            (checked.moved, checked.retired.as_deref()),
            (true, Some("first"))
        );
        assert_eq!(ice.ufrags().collect::<Vec<_>>(), ["second"]);
    }

    #[test]
    fn a_third_generation_ends_the_first() {
        let mut ice = ice();
        ice.restart(Credentials::new("second", "other"));
        assert_eq!(
            ice.restart(Credentials::new("third", "another")).as_deref(),
            Some("first")
        );
    }

    #[test]
    fn addresses_are_bounded_and_the_one_in_use_is_kept() {
        let mut ice = ice();
        for port in 1..=100 {
            let checked = ice.checked(
                "first",
                false,
                path(port),
                Instant::from_millis(port.into()),
            );
            assert_eq!(checked.evicted.is_some(), port > MAX_PATHS as u16);
        }
        assert_eq!(ice.paths().count(), MAX_PATHS);
        assert!(ice.paths().any(|one| one == path(1)));
    }

    #[test]
    fn consent_ends_30_seconds_after_the_last_check_and_a_check_revives_it() {
        let mut ice = ice();
        ice.checked("first", false, path(1), Instant::from_millis(5_000));
        assert_eq!(ice.expire(Instant::from_millis(34_999)), None);
        assert_eq!(
            ice.expire(Instant::from_millis(35_000)),
            Some(vec![path(1)])
        );
        assert_eq!((ice.selected(), ice.deadline()), (None, None));
        assert!(
            ice.checked("first", false, path(1), Instant::from_millis(40_000))
                .moved
        );
    }
}
