//! `kanshiki acquire --list`
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
pub(super) fn run(_json: bool, _console: &Console) -> Result<Exit, Failure> {
    Err(Failure::new("disks cannot be listed"))
}
