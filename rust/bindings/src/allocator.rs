//! Which allocator the extension uses.
//!
//! A batch makes some thousand records of a few hundred octets to a few kilobytes and lets them go on another thread,
//! between allocations that stay for ever, the notes of devices. The C library's allocator took a fifth of the worker's
//! time for that.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
