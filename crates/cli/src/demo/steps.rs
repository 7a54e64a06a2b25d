//! The steps of the demonstration. A new step is one entry in the table.

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// What is done, in a few words.
    pub(super) title: &'static str,
    /// What it shows, in lines of at most 100 characters.
    pub(super) story: &'static str,
    /// What is run.
    pub(super) action: Action,
    /// The exit code with which it must end.
    pub(super) expected: u8,
}

/// What a step runs, in the demonstration's folder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// This program.
    Kanshiki(&'static [&'static str]),
    /// A program of the machine, in a folder below.
    Tool { folder: &'static str, program: &'static str, arguments: &'static [&'static str] },
    /// A copy of the case with one bit turned.
    Damage { copy: &'static str, file: &'static str, offset: u64 },
}

/// The name of the case's folder.
pub(super) const CASE: &str = "northsound";

/// The folder of the exhibit.
const EXHIBIT: &str = "northsound/exhibits/quay1-disk";

/// The finding of the login behind the guessing: its name is made of the digest of the disk and of what it is about.
const FINDING: &str = "826a586e821f";

/// The steps in their order.
pub(super) const STEPS: &[Step] = &[
    Step {
        title: "Copy the disk, once",
        story: "The disk is read in one pass, opened read-only; its digests, one leaf for every MiB and the record\n\
                are made on the way, and the finished copy is read back.",
        action: Action::Kanshiki(&[
            "acquire",
            "ferry.img",
            "--case",
            CASE,
            "--exhibit",
            "quay1-disk",
            "--hash",
            "md5",
            "--examiner",
            "A. Mori",
            "--reason",
            "booking server stands still",
        ]),
        expected: 0,
    },
    Step {
        title: "Prove that the copy is still the disk",
        story: "Everything is worked out anew and compared with the record; that is itself entered in the custody log.",
        action: Action::Kanshiki(&["verify", CASE, "--examiner", "A. Mori"]),
        expected: 0,
    },
    Step {
        title: "See what lies on it",
        story: "The partition table, what each partition holds, and the gaps between them.",
        action: Action::Kanshiki(&["info", "northsound/exhibits/quay1-disk/image.raw"]),
        expected: 0,
    },
    Step {
        title: "Walk through it",
        story: "The files are read from the copy as they lie, without mounting it and without rights. A folder with a dot\n\
                and the name of a font server lies where nobody looks:",
        action: Action::Kanshiki(&["tree", EXHIBIT, "/var/tmp"]),
        expected: 0,
    },
    Step {
        title: "Find the odd file",
        story: "A program can set the time of the last change to what it likes, but not the time of birth: which files\n\
                pretend to be older than they are?",
        action: Action::Kanshiki(&[
            "find",
            EXHIBIT,
            "--type",
            "f",
            "--created",
            "2025-03-12..",
            "--modified",
            "..2025-02-01",
            "--long",
        ]),
        expected: 0,
    },
    Step {
        title: "See what was removed",
        story: "Names that still lie in directories, and what their inodes still hold.",
        action: Action::Kanshiki(&["deleted", EXHIBIT]),
        expected: 0,
    },
    Step {
        title: "… and read what is left of it",
        story: "The script that was run and removed.",
        action: Action::Kanshiki(&["cat", EXHIBIT, "--inode", "53"]),
        expected: 0,
    },
    Step {
        title: "Put the night in order",
        story: "All times of all files, deleted ones too, from the first minute of the intrusion to the last.",
        action: Action::Kanshiki(&["timeline", EXHIBIT, "--from", "2025-03-12T03:20", "--to", "2025-03-12T04:10"]),
        expected: 0,
    },
    Step {
        title: "Turn every log into events",
        story: "Logs in every rotation and the times of all files go into one store in the case, each with the place that\n\
                it comes from.",
        action: Action::Kanshiki(&["examine", EXHIBIT, "--case", CASE, "--examiner", "A. Mori", "--quiet"]),
        expected: 0,
    },
    Step {
        title: "See the attack from afar",
        story: "How many events of FTP and SSH there are in each hour:",
        action: Action::Kanshiki(&[
            "timeline",
            "--case",
            CASE,
            "--source",
            "ftp",
            "--source",
            "ssh",
            "--format",
            "histogram",
        ]),
        expected: 0,
    },
    Step {
        title: "… who got in",
        story: "Logins of the night from all logs, whatever program wrote them: the password was guessed.",
        action: Action::Kanshiki(&[
            "query",
            "logins",
            "--case",
            CASE,
            "--from",
            "2025-03-12T03:00",
            "--to",
            "2025-03-12T05:00",
        ]),
        expected: 0,
    },
    Step {
        title: "… and what followed, on one line of time",
        story: "Records of logs and times of files together: the upload, the shell, the table that was read out, the\n\
                miner, and what was removed at the end.",
        action: Action::Kanshiki(&[
            "timeline",
            "--case",
            CASE,
            "--from",
            "2025-03-12T03:20",
            "--to",
            "2025-03-12T04:10",
        ]),
        expected: 0,
    },
    Step {
        title: "Ask what it all means",
        story: "The examination has answered the questions of an investigator, each answer with the lines and files that it\n\
                rests on, and with what to look at next:",
        action: Action::Kanshiki(&["findings", "--case", CASE]),
        expected: 0,
    },
    Step {
        title: "Say what is true",
        story: "What the analyst says of a finding is kept, with name and time, and stands in the chain of custody:",
        action: Action::Kanshiki(&[
            "findings",
            "accept",
            FINDING,
            "--case",
            CASE,
            "--examiner",
            "A. Mori",
            "--note",
            "the account of the move in January",
        ]),
        expected: 0,
    },
    Step {
        title: "Take out what is suspicious",
        story: "The files that findings speak against, unable to run, with their digests,",
        action: Action::Kanshiki(&["suspects", "--case", CASE, "--out", "suspects", "--examiner", "A. Mori"]),
        expected: 0,
    },
    Step {
        title: "… and by what others can look for the same",
        story: "addresses, digests, paths and accounts, as CSV or STIX 2.1:",
        action: Action::Kanshiki(&["iocs", "--case", CASE]),
        expected: 0,
    },
    Step {
        title: "Know what no log can tell",
        story: "What would not have been logged, by the settings that lie on the disk, with the line of the setting:",
        action: Action::Kanshiki(&["query", "blind-spots", "--case", CASE]),
        expected: 0,
    },
    Step {
        title: "Read the chain of custody",
        story: "Every act is a small file that holds the digest of the one before.",
        action: Action::Kanshiki(&["custody", "log", "--case", CASE]),
        expected: 0,
    },
    Step {
        title: "Check it without kanshiki",
        story: "The tools of any Linux machine come to the same result: first the disk itself, to be compared with\n\
                the digest above,",
        action: Action::Tool { folder: ".", program: "sha256sum", arguments: &["ferry.img"] },
        expected: 0,
    },
    Step {
        title: "… then the exhibit's files",
        story: "with the list that lies beside them,",
        action: Action::Tool {
            folder: "northsound/exhibits/quay1-disk",
            program: "sha256sum",
            arguments: &["-c", "SHA256SUMS"],
        },
        expected: 0,
    },
    Step {
        title: "… and the chain of custody",
        story: "with the few lines of shell that lie in the case.",
        action: Action::Tool { folder: CASE, program: "sh", arguments: &["verify.sh"] },
        expected: 0,
    },
    Step {
        title: "Damage a copy of the case",
        story: "One bit of 64 MiB is turned.",
        action: Action::Damage { copy: "damaged", file: "exhibits/quay1-disk/image.raw", offset: 24_641_537 },
        expected: 0,
    },
    Step {
        title: "Watch the damage being noticed",
        story: "The MiB that differs is named, and the answer is exit code 1.",
        action: Action::Kanshiki(&["verify", "damaged"]),
        expected: 1,
    },
];

/// The words as they are typed in a shell.
pub(super) fn shell_words(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
    quoted.collect::<Vec<_>>().join(" ")
}
