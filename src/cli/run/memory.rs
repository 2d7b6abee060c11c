//! Memory that calls have used and nobody uses any more goes back to the system.

/// To be called when no call is left. glibc keeps what was freed for later, in every thread's own part; a process that
/// once had two hundred calls would keep their memory for ever. Takes milliseconds; elsewhere than on glibc nothing is
/// done.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "a function of the C library")]
        // SAFETY: takes no pointer, and may be called at any time from any thread (malloc_trim(3)).
        let returned = unsafe { libc::malloc_trim(0) };
        tracing::debug!(returned, "memory of ended calls was given back");
    }
}
