//! The process's allocator, and how soon it gives freed memory back to the system.

#![expect(unsafe_code, reason = "the allocator's options are set through its C interface")]

/// glibc's allocator keeps the memory of large bodies in each thread's arena; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the crate does not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long freed pages are kept for the next allocation. The library's second is too long: bodies that turn
/// over that fast would hold a multiple of the budget. So is a fifth of one, where many large bodies come at once, though
/// it spares records of half a megabyte a tenth of their cost.
const PURGE_DELAY_MS: std::ffi::c_long = 10;

/// To be called before the first large allocation.
pub(crate) fn give_back_soon() {
    // SAFETY: a store to one of the library's options, which it allows at any time and from any thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: a read of one of the library's options.
        let read = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(read(), 1000, "mimalloc's default has changed, or its numbering");
        give_back_soon();
        assert_eq!(read(), PURGE_DELAY_MS);
    }
}
