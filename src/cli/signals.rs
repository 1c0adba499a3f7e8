//! Signals that end the process at once, except while something has to be put right first.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

static SIGNALS: LazyLock<Signals> = LazyLock::new(Signals::watch);

struct Signals {
    at_once: Arc<AtomicBool>,
    /// The last one that came while it was held; 0 for none.
    came: Arc<AtomicUsize>,
    holds: Mutex<usize>,
}

impl Signals {
    fn watch() -> Self {
        let (at_once, came) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let _ = flag::register_conditional_default(signal, Arc::clone(&at_once));
            let _ = flag::register_usize(signal, Arc::clone(&came), usize::try_from(signal).unwrap_or(1));
        }
        Self { at_once, came, holds: Mutex::new(0) }
    }
}

/// While one of these is there, signals are only noted; the last that goes ends the process if one came.
pub(super) struct Hold(());

impl Hold {
    pub(super) fn begin() -> Self {
        let mut holds = SIGNALS.holds.lock().unwrap_or_else(PoisonError::into_inner);
        *holds += 1;
        SIGNALS.came.store(0, Ordering::SeqCst);
        SIGNALS.at_once.store(false, Ordering::SeqCst);
        Self(())
    }

    /// Keeps signals from ending the process for the rest of its life.
    pub(super) fn for_good() {
        std::mem::forget(Self::begin());
    }

    /// Whether a signal came since the latest began.
    pub(super) fn came() -> bool {
        SIGNALS.came.load(Ordering::SeqCst) != 0
    }

    /// Counts a key that the terminal did not turn into a signal.
    pub(super) fn note(signal: i32) {
        SIGNALS.came.store(usize::try_from(signal).unwrap_or(1), Ordering::SeqCst);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = SIGNALS.holds.lock().unwrap_or_else(PoisonError::into_inner);
        *holds -= 1;
        if *holds > 0 {
            return;
        }
        SIGNALS.at_once.store(true, Ordering::SeqCst);
        let came = SIGNALS.came.swap(0, Ordering::SeqCst);
        if came != 0 {
            let _ = emulate_default_handler(i32::try_from(came).unwrap_or(SIGTERM));
        }
    }
}
