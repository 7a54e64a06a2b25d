//! Questions to the kernel that the standard library cannot ask. The one file of this crate with unsafe code: each
//! block is one call.
//!
//! | request | number | answer |
//! | --- | --- | --- |
//! | `BLKROSET`, `BLKROGET` | 0x12, 93 and 94 | `int`, 1 for read-only |
//! | `BLKGETSIZE64` | 0x12, 114 | bytes, `u64` |
//! | `BLKGETDISKSEQ` | 0x12, 128 | `u64`, from Linux 5.15 |
//! | `LOOP_GET_STATUS64` | 0x4c05 | `struct loop_info64`, 232 bytes: filesystem and inode of the file come first |
//! | `RTC_RD_TIME` | `p`, 9 | nine `int`, as `struct tm` |
//!
//! Source: Linux 6.12, include/uapi/linux/fs.h, loop.h and rtc.h.
#![expect(unsafe_code, reason = "ioctl and adjtimex have no safe form for these requests")]

use rustix::ioctl::{Getter, Opcode, Setter, ioctl, opcode};
use std::ffi::c_int;
use std::fs::File;
use std::io;

const BLKROSET: Opcode = opcode::none(0x12, 93);
const BLKROGET: Opcode = opcode::none(0x12, 94);
const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
const BLKGETDISKSEQ: Opcode = opcode::read::<u64>(0x12, 128);
const LOOP_GET_STATUS64: Opcode = 0x4c05;
const RTC_RD_TIME: Opcode = opcode::read::<RtcTime>(b'p', 9);

/// Time and date of the hardware clock as the kernel gives them: year from 1900, month from 0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RtcTime {
    pub(crate) second: c_int,
    pub(crate) minute: c_int,
    pub(crate) hour: c_int,
    pub(crate) day: c_int,
    pub(crate) month: c_int,
    pub(crate) year: c_int,
    pub(crate) weekday: c_int,
    pub(crate) day_of_year: c_int,
    pub(crate) daylight_saving: c_int,
}

/// The length of a block device in bytes; 0 when its medium is gone.
pub(crate) fn size_bytes(device: &File) -> io::Result<u64> {
    // SAFETY: BLKGETSIZE64 writes one u64.
    let bytes = unsafe { get::<BLKGETSIZE64, u64>(device) }?;
    Ok(bytes)
}

/// The number of the disk among all that the kernel has seen since it started; from Linux 5.15.
pub(crate) fn disk_sequence(device: &File) -> io::Result<u64> {
    // SAFETY: BLKGETDISKSEQ writes one u64.
    let number = unsafe { get::<BLKGETDISKSEQ, u64>(device) }?;
    Ok(number)
}

/// Whether the kernel refuses writes to the device.
pub(crate) fn is_read_only(device: &File) -> io::Result<bool> {
    // SAFETY: BLKROGET writes one int.
    let flag = unsafe { get::<BLKROGET, c_int>(device) }?;
    Ok(flag != 0)
}

/// Has the kernel refuse writes to the device, or accept them again.
pub(crate) fn set_read_only(device: &File, read_only: bool) -> io::Result<()> {
    // SAFETY: BLKROSET reads one int through the pointer that a `Setter` passes.
    let setter = unsafe { Setter::<BLKROSET, c_int>::new(c_int::from(read_only)) };
    // SAFETY: the setter is well formed, and the request changes no memory of this process.
    unsafe { ioctl(device, setter) }?;
    Ok(())
}

/// The file behind a loop device: the number of its filesystem in the form of `st_dev`, and its inode.
pub(crate) fn loop_backing(device: &File) -> io::Result<(u64, u64)> {
    // SAFETY: LOOP_GET_STATUS64 writes one struct loop_info64 of 232 bytes, aligned to 8.
    let status = unsafe { get::<LOOP_GET_STATUS64, [u64; 29]>(device) }?;
    Ok((status[0], status[1]))
}

/// What the hardware clock shows.
pub(crate) fn hardware_clock(clock: &File) -> io::Result<RtcTime> {
    // SAFETY: RTC_RD_TIME writes one struct rtc_time, nine ints.
    let time = unsafe { get::<RTC_RD_TIME, RtcTime>(clock) }?;
    Ok(time)
}

/// What the kernel says of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockState {
    /// Bits `STA_…` of linux/timex.h.
    pub(crate) status: i32,
    pub(crate) estimated_error_microseconds: i64,
    pub(crate) maximum_error_microseconds: i64,
}

/// Asks how right the kernel believes its clock to be. Changes nothing: no mode is set.
pub(crate) fn clock_state() -> io::Result<ClockState> {
    // SAFETY: `timex` is plain numbers, for which all bits zero is a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer leads to a whole `timex`, which the call fills.
    let result = unsafe { libc::adjtimex(&raw mut state) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(ClockState {
        status: state.status,
        estimated_error_microseconds: state.esterror,
        maximum_error_microseconds: state.maxerror,
    })
}

/// Asks for one value.
///
/// # Safety
///
/// The request must write exactly one `T`.
unsafe fn get<const REQUEST: Opcode, T>(file: &File) -> rustix::io::Result<T> {
    // SAFETY: the caller promises that the request writes one T.
    let getter = unsafe { Getter::<REQUEST, T>::new() };
    // SAFETY: the getter is well formed and owns the memory that the kernel writes.
    unsafe { ioctl(file, getter) }
}
