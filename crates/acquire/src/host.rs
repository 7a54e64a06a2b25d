//! The machine and the program that do the work: clocks, host, tool.

mod clock;
mod machine;
pub mod rescue;
mod tool;

pub use clock::clock_facts;
pub(crate) use machine::boot_id;
pub use machine::host_facts;
pub use tool::tool_facts;
