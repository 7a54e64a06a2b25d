//! The verbs that look into images: each reads with the libraries and shows rows, readable or as JSON lines.

mod blocks;
mod cat;
mod check;
mod deleted;
mod find;
mod grep;
mod hash;
mod hexdump;
mod ls;
mod node;
#[cfg(feature = "examine")]
mod packages;
mod range;
mod search;
mod stat;
mod strings;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline;
mod tree;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
#[cfg(feature = "mount")]
use crate::mount;
#[cfg(feature = "shell")]
use crate::shell;
#[cfg(feature = "examine")]
use crate::{examine, findings, logs, query, suspects};
use crate::{extract, info};
use clap::Subcommand;

/// How to look into an image.
#[derive(Debug, Subcommand)]
pub(crate) enum BrowseVerb {
    Info(info::InfoArguments),
    Ls(ls::LsArguments),
    Tree(tree::TreeArguments),
    Stat(stat::StatArguments),
    Cat(cat::CatArguments),
    Hexdump(hexdump::HexdumpArguments),
    Blocks(blocks::BlocksArguments),
    Find(Box<find::FindArguments>),
    Grep(grep::GrepArguments),
    Strings(strings::StringsArguments),
    Hash(hash::HashArguments),
    Timeline(Box<timeline::TimelineArguments>),
    Deleted(deleted::DeletedArguments),
    #[cfg(feature = "examine")]
    Packages(packages::PackagesArguments),
    Check(check::CheckArguments),
    Extract(Box<extract::ExtractArguments>),
    #[cfg(feature = "examine")]
    Examine(Box<examine::ExamineArguments>),
    #[cfg(feature = "examine")]
    Findings(findings::FindingsArguments),
    #[cfg(feature = "examine")]
    Iocs(findings::IocsArguments),
    #[cfg(feature = "examine")]
    Query(query::QueryArguments),
    #[cfg(feature = "examine")]
    Logs(Box<logs::LogsArguments>),
    #[cfg(feature = "examine")]
    Suspects(Box<suspects::SuspectsArguments>),
    #[cfg(feature = "mount")]
    Mount(mount::MountArguments),
    #[cfg(feature = "shell")]
    Shell(shell::ShellArguments),
}

impl BrowseVerb {
    /// Whether results and failures are for programs.
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Info(arguments) => arguments.json,
            Self::Ls(arguments) => arguments.rows.jsonl,
            Self::Tree(arguments) => arguments.rows.jsonl,
            Self::Stat(arguments) => arguments.rows.jsonl,
            Self::Cat(_) => false,
            Self::Hexdump(arguments) => arguments.rows.jsonl,
            Self::Blocks(arguments) => arguments.rows.jsonl,
            Self::Find(arguments) => arguments.rows.jsonl,
            Self::Grep(arguments) => arguments.rows.jsonl,
            Self::Strings(arguments) => arguments.rows.jsonl,
            Self::Hash(arguments) => arguments.rows.jsonl,
            Self::Timeline(arguments) => arguments.rows.jsonl,
            Self::Deleted(arguments) => arguments.rows.jsonl,
            #[cfg(feature = "examine")]
            Self::Packages(arguments) => arguments.rows.jsonl,
            Self::Check(arguments) => arguments.rows.jsonl,
            Self::Extract(arguments) => arguments.output.json,
            #[cfg(feature = "examine")]
            Self::Examine(arguments) => arguments.output.json,
            #[cfg(feature = "examine")]
            Self::Findings(arguments) => arguments.wants_json(),
            #[cfg(feature = "examine")]
            Self::Iocs(arguments) => arguments.rows.jsonl,
            #[cfg(feature = "examine")]
            Self::Query(arguments) => arguments.rows.jsonl,
            #[cfg(feature = "examine")]
            Self::Logs(arguments) => arguments.output.json,
            #[cfg(feature = "examine")]
            Self::Suspects(arguments) => arguments.output.json,
            #[cfg(feature = "mount")]
            Self::Mount(_) => false,
            #[cfg(feature = "shell")]
            Self::Shell(_) => false,
        }
    }
}

/// Runs a verb.
pub(crate) fn run(verb: &BrowseVerb, console: &Console) -> Result<Exit, Failure> {
    match verb {
        BrowseVerb::Info(arguments) => info::run(arguments, console),
        BrowseVerb::Ls(arguments) => ls::run(arguments, console),
        BrowseVerb::Tree(arguments) => tree::run(arguments, console),
        BrowseVerb::Stat(arguments) => stat::run(arguments, console),
        BrowseVerb::Cat(arguments) => cat::run(arguments, console),
        BrowseVerb::Hexdump(arguments) => hexdump::run(arguments, console),
        BrowseVerb::Blocks(arguments) => blocks::run(arguments, console),
        BrowseVerb::Find(arguments) => find::run(arguments, console),
        BrowseVerb::Grep(arguments) => grep::run(arguments, console),
        BrowseVerb::Strings(arguments) => strings::run(arguments, console),
        BrowseVerb::Hash(arguments) => hash::run(arguments, console),
        BrowseVerb::Timeline(arguments) => timeline::run(arguments, console),
        BrowseVerb::Deleted(arguments) => deleted::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Packages(arguments) => packages::run(arguments, console),
        BrowseVerb::Check(arguments) => check::run(arguments, console),
        BrowseVerb::Extract(arguments) => extract::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Examine(arguments) => examine::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Findings(arguments) => findings::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Iocs(arguments) => findings::run_iocs(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Query(arguments) => query::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Logs(arguments) => logs::run(arguments, console),
        #[cfg(feature = "examine")]
        BrowseVerb::Suspects(arguments) => suspects::run(arguments, console),
        #[cfg(feature = "mount")]
        BrowseVerb::Mount(arguments) => mount::run(arguments, console),
        #[cfg(feature = "shell")]
        BrowseVerb::Shell(arguments) => shell::run(arguments, console),
    }
}
