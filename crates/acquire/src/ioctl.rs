//! Questions to the kernel that the standard library cannot ask. The one file of this crate with unsafe code: each
//! block is one call.
//!
//! | request | number | answer |
//! | --- | --- | --- |
//! | `BLKROSET`, `BLKROGET` | 0x12, 93 and 94 | `int`, 1 for read-only |
//! | `BLKGETSIZE64` | 0x12, 114 | bytes, `u64` |
//! | `BLKGETDISKSEQ` | 0x12, 128 | `u64`, from Linux 5.15 |
//! | `LOOP_GET_STATUS64` | 0x4c05 | `struct loop_info64`, 232 bytes: filesystem and inode of the file come first |
//! | `SG_IO` | 0x2285 | `struct sg_io_hdr` with the answer of the disk |
//! | `RTC_RD_TIME` | `p`, 9 | nine `int`, as `struct tm` |
//!
//! Source: Linux 6.12, include/uapi/linux/fs.h, loop.h and rtc.h; include/scsi/sg.h.
#![expect(unsafe_code, reason = "ioctl and adjtimex have no safe form for these requests")]

use rustix::ioctl::{Getter, Opcode, Setter, Updater, ioctl, opcode};
use std::ffi::c_int;
use std::fs::File;
use std::io;

const BLKROSET: Opcode = opcode::none(0x12, 93);
const BLKROGET: Opcode = opcode::none(0x12, 94);
const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
const BLKGETDISKSEQ: Opcode = opcode::read::<u64>(0x12, 128);
const LOOP_GET_STATUS64: Opcode = 0x4c05;
const SG_IO: Opcode = 0x2285;
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

/// The answer to a command that was passed to a disk as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassedThrough {
    /// SCSI status: 0 good, 2 check condition.
    pub(crate) status: u8,
    /// What the host adapter says, 0 if all is well.
    pub(crate) host_status: u16,
    /// Sense data, as far as it was given.
    pub(crate) sense: Vec<u8>,
}

/// `struct sg_io_hdr`.
#[repr(C)]
struct SgIoHeader {
    interface_id: c_int,
    direction: c_int,
    command_length: u8,
    sense_room: u8,
    vector_count: u16,
    data_length: u32,
    data: *mut u8,
    command: *const u8,
    sense: *mut u8,
    timeout_milliseconds: u32,
    flags: u32,
    pack_id: c_int,
    user: *mut u8,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_written: u8,
    host_status: u16,
    driver_status: u16,
    residual: c_int,
    duration: u32,
    info: u32,
}

/// Passes a command of 16 bytes to a disk that fills `data`, or answers with sense data alone if `data` is empty. The
/// command must be one that only asks.
pub(crate) fn pass_through(device: &File, command: &[u8; 16], data: &mut [u8]) -> io::Result<PassedThrough> {
    const NO_DATA: c_int = -1;
    const FROM_DEVICE: c_int = -3;
    const SENSE_BYTES: u8 = 64;
    const TIMEOUT_MILLISECONDS: u32 = 5000;
    let mut sense = [0; SENSE_BYTES as usize];
    let data_length = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut header = SgIoHeader {
        interface_id: c_int::from(b'S'),
        direction: if data.is_empty() { NO_DATA } else { FROM_DEVICE },
        command_length: 16,
        sense_room: SENSE_BYTES,
        vector_count: 0,
        data_length,
        data: data.as_mut_ptr(),
        command: command.as_ptr(),
        sense: sense.as_mut_ptr(),
        timeout_milliseconds: TIMEOUT_MILLISECONDS,
        flags: 0,
        pack_id: 0,
        user: std::ptr::null_mut(),
        status: 0,
        masked_status: 0,
        message_status: 0,
        sense_written: 0,
        host_status: 0,
        driver_status: 0,
        residual: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: SG_IO reads and writes one `sg_io_hdr`, whose three pointers are to buffers of the lengths given beside
    // them, all alive until the call returns.
    unsafe { ioctl(device, Updater::<SG_IO, SgIoHeader>::new(&mut header)) }?;
    let written = sense.get(..usize::from(header.sense_written)).unwrap_or_default();
    Ok(PassedThrough { status: header.status, host_status: header.host_status, sense: written.to_vec() })
}
