-- Times are nanoseconds since 1970 in UTC. Texts from the evidence are made visible: control characters as \u{…}, bytes
-- that are no UTF-8 as \xNN, a backslash as \\.

-- Facts of the store: the number of its schema.
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- What was examined: an image, and what its manifest calls it.
CREATE TABLE IF NOT EXISTS exhibits (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,          -- the exhibit of a case, or the path that was given
    source TEXT NOT NULL UNIQUE, -- what tells it from all others: the digest of the image's leaves, or device, inode, size
                                 -- and time of its file; the volume, further images and the reading of the journal
    size INTEGER NOT NULL,       -- bytes
    zone TEXT,                   -- of its clock, as Asia/Tokyo; NULL if the image does not name one
    has_tree INTEGER NOT NULL DEFAULT 0, -- 1 if all its files are in
    concluded INTEGER NOT NULL DEFAULT 0, -- 1 if its findings are those of the events and files that are in
    readers TEXT                 -- the parsers with their editions and the places of logs for which its files were looked at
);

CREATE TABLE IF NOT EXISTS volumes (
    id INTEGER PRIMARY KEY,
    exhibit INTEGER NOT NULL REFERENCES exhibits(id),
    name TEXT NOT NULL,          -- p2, vg/root; empty where the image is the volume
    UNIQUE (exhibit, name)
);

-- Files that events come from: every path of the volume, and every log.
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    volume INTEGER NOT NULL REFERENCES volumes(id),
    path TEXT,                   -- NULL for an inode that no name leads to
    inode INTEGER NOT NULL,
    generation INTEGER,
    state TEXT NOT NULL,         -- allocated, orphan, deleted
    type TEXT NOT NULL,
    size INTEGER NOT NULL,       -- bytes
    mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, links INTEGER NOT NULL,
    modified INTEGER, accessed INTEGER, changed INTEGER, created INTEGER, deleted INTEGER
);

CREATE TABLE IF NOT EXISTS kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- How the time of an event is known.
CREATE TABLE IF NOT EXISTS bases (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- In the order in which they were read: files in the order of the disk, records in that of their file.
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY,
    time INTEGER,                -- NULL if it cannot be told
    basis INTEGER NOT NULL REFERENCES bases(id),
    kind INTEGER NOT NULL REFERENCES kinds(id),
    file INTEGER NOT NULL REFERENCES files(id),
    offset INTEGER NOT NULL,     -- byte of the file; of a compressed one, where the compressed member begins; of times of
                                 -- files, the byte of the volume where the inode's record begins
    content_offset INTEGER,      -- byte after decompression; NULL if not compressed
    length INTEGER NOT NULL,     -- bytes
    line INTEGER,                -- from 1; NULL if the file has no lines
    host TEXT, program TEXT, pid INTEGER,
    user TEXT, address TEXT,
    message TEXT,
    fields TEXT                  -- a JSON object of what only this kind has
);

-- Runs of events that stand together, at most 1024, of one log each or, with NULL, of the tree: a question about a range of time or about a text
-- looks here first, so that no index has to be kept while events come in.
CREATE TABLE IF NOT EXISTS blocks (
    first INTEGER PRIMARY KEY,   -- events.id
    last INTEGER NOT NULL,
    file INTEGER REFERENCES files(id),
    earliest INTEGER, latest INTEGER, -- of the times that are known; NULL if none is
    untimed INTEGER NOT NULL,    -- events without a time
    trigrams BLOB NOT NULL       -- which three letters stand beside each other in their texts, as a bitmap of hashes
);

-- Events of a kind in an hour, by log; of all other files together, with NULL.
CREATE TABLE IF NOT EXISTS hours (
    file INTEGER REFERENCES files(id),
    kind INTEGER NOT NULL REFERENCES kinds(id),
    hour INTEGER,                -- hours since 1970 in UTC; NULL if it cannot be told
    events INTEGER NOT NULL
);

-- The coverage ledger: for every log what it covers.
CREATE TABLE IF NOT EXISTS logs (
    file INTEGER PRIMARY KEY REFERENCES files(id),
    parser TEXT NOT NULL,        -- its name and the number of its edition
    state TEXT NOT NULL,         -- waiting; whole, cut (by a limit or damage), unreadable, unsupported, empty
    place INTEGER NOT NULL,      -- byte of the volume where it begins: the order in which logs are read
    compression TEXT,
    records INTEGER NOT NULL,    -- understood
    others INTEGER NOT NULL,     -- not understood
    first_event INTEGER, last_event INTEGER, -- events.id
    earliest INTEGER, latest INTEGER,
    habit INTEGER,               -- ns between records that are usual for it: 99 of 100 are closer
    times TEXT                   -- how years and zones were inferred, and from what
);

-- Silences of a log that are longer than its own habit, and rotated files that are missing.
CREATE TABLE IF NOT EXISTS gaps (
    file INTEGER NOT NULL REFERENCES files(id),
    start INTEGER, end INTEGER,
    reason TEXT NOT NULL
);

-- What would not have been logged, by the settings of the image: of services that are installed there.
CREATE TABLE IF NOT EXISTS blind_spots (
    exhibit INTEGER NOT NULL REFERENCES exhibits(id),
    service TEXT NOT NULL,       -- mysql, sshd, journal …
    unlogged TEXT NOT NULL,      -- what leaves no record
    state TEXT NOT NULL,         -- unlogged; unknown if the settings could not be judged
    reason TEXT NOT NULL,        -- the setting that was found, or that it is absent, and the default of the program
    volume INTEGER REFERENCES volumes(id), -- where the setting stands, or would stand; NULL if the image has no such file
    path TEXT NOT NULL,
    inode INTEGER,
    offset INTEGER, length INTEGER, -- bytes of the file; NULL if the setting is absent
    line INTEGER                 -- from 1
);

-- What could not be read or understood.
CREATE TABLE IF NOT EXISTS issues (
    file INTEGER REFERENCES files(id),
    exhibit INTEGER NOT NULL REFERENCES exhibits(id),
    offset INTEGER, length INTEGER, -- bytes of the file's content
    subject TEXT NOT NULL,
    message TEXT NOT NULL
);

-- What the examination concludes. All of an exhibit are replaced when it is examined again.
CREATE TABLE IF NOT EXISTS findings (
    id INTEGER PRIMARY KEY,
    exhibit INTEGER NOT NULL REFERENCES exhibits(id),
    name TEXT NOT NULL UNIQUE,   -- of exhibit, rule and what it is about: the same when the same image is examined again
    rule TEXT NOT NULL,          -- access.brute-force
    severity TEXT NOT NULL,      -- info, low, medium, high
    confidence TEXT NOT NULL,    -- low, medium, high
    question TEXT NOT NULL,      -- entry, ran, persists, changed, hidden, read-out, onward, holes, unknown
    title TEXT NOT NULL,
    explanation TEXT NOT NULL,
    technique TEXT,              -- of MITRE ATT&CK
    next TEXT NOT NULL,          -- what to look at next
    first INTEGER, last INTEGER, -- the times that it concerns
    more_evidence INTEGER NOT NULL DEFAULT 0 -- how much there is beside what `evidence` lists
);

-- What findings rest on: events, or bytes of files.
CREATE TABLE IF NOT EXISTS evidence (
    finding INTEGER NOT NULL REFERENCES findings(id),
    event INTEGER REFERENCES events(id),
    volume INTEGER REFERENCES volumes(id), path TEXT, inode INTEGER,
    offset INTEGER, length INTEGER, -- bytes of the file; NULL for all of it
    line INTEGER,                -- from 1
    note TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS evidence_finding ON evidence (finding);

-- By what the same attacker can be looked for elsewhere.
CREATE TABLE IF NOT EXISTS indicators (
    finding INTEGER NOT NULL REFERENCES findings(id),
    kind TEXT NOT NULL,          -- ipv4, ipv6, domain, url, sha256, path, wallet, account
    value TEXT NOT NULL
);

-- What the analyst says of findings; the last that accepts or rejects counts, and the last note. Kept when an exhibit is examined again.
CREATE TABLE IF NOT EXISTS verdicts (
    id INTEGER PRIMARY KEY,
    finding TEXT NOT NULL,       -- findings.name
    verdict TEXT NOT NULL,       -- accepted, rejected, noted
    note TEXT,
    who TEXT NOT NULL,
    time INTEGER NOT NULL
);

-- What the machine has: accounts, services and what they allow, what starts by itself. The views below tell the facts.
CREATE TABLE IF NOT EXISTS inventory (
    exhibit INTEGER NOT NULL REFERENCES exhibits(id),
    kind TEXT NOT NULL,          -- account, session, exposure, persistence, suspect
    name TEXT NOT NULL,
    facts TEXT NOT NULL,         -- a JSON object
    volume INTEGER REFERENCES volumes(id), path TEXT, inode INTEGER,
    offset INTEGER, length INTEGER, line INTEGER
);

-- Events with names in the place of numbers, and the time to read.
CREATE VIEW IF NOT EXISTS timeline AS
SELECT e.id, e.time,
    strftime('%Y-%m-%dT%H:%M:%S', e.time / 1000000000 - (e.time % 1000000000 < 0), 'unixepoch') || 'Z' AS utc,
    b.name AS basis, k.name AS kind, x.name AS exhibit, v.name AS volume, f.path, f.inode, e.offset, e.content_offset, e.length, e.line,
    e.host, e.program, e.pid, e.user, e.address, e.message, e.fields, e.file
FROM events e JOIN kinds k ON k.id = e.kind JOIN bases b ON b.id = e.basis
    JOIN files f ON f.id = e.file JOIN volumes v ON v.id = f.volume JOIN exhibits x ON x.id = v.exhibit;

-- Accounts, what starts by itself, and what services allow, with the facts as columns.
CREATE VIEW IF NOT EXISTS accounts AS
SELECT x.name AS exhibit, i.name, facts ->> 'uid' AS uid, facts ->> 'gid' AS gid, facts ->> 'home' AS home, facts ->> 'shell' AS shell,
    facts ->> 'password' AS password, facts ->> 'password_changed' AS password_changed, facts ->> 'expires' AS expires,
    facts ->> 'groups' AS groups, facts ->> 'sudo' AS sudo, facts ->> 'keys' AS keys, facts ->> 'last_login' AS last_login,
    facts ->> 'temporary_by_name' AS temporary_by_name, i.path, i.line
FROM inventory i JOIN exhibits x ON x.id = i.exhibit WHERE i.kind = 'account';

CREATE VIEW IF NOT EXISTS persistence AS
SELECT x.name AS exhibit, facts ->> 'mechanism' AS mechanism, facts ->> 'user' AS user, facts ->> 'command' AS command, facts ->> 'file_of' AS file_of,
    facts ->> 'program' AS program, facts ->> 'program_of' AS program_of, i.path, i.line
FROM inventory i JOIN exhibits x ON x.id = i.exhibit WHERE i.kind = 'persistence';

CREATE VIEW IF NOT EXISTS exposure AS
SELECT x.name AS exhibit, i.name AS service, facts ->> 'setting' AS setting, facts ->> 'value' AS value, facts ->> 'origin' AS origin,
    facts ->> 'allows' AS allows, facts ->> 'boot' AS boot, i.path, i.line
FROM inventory i JOIN exhibits x ON x.id = i.exhibit WHERE i.kind = 'exposure';

-- Who was logged in from when to when, as the logs together tell.
CREATE VIEW IF NOT EXISTS sessions AS
SELECT x.name AS exhibit, i.name AS user, facts ->> 'service' AS service, facts ->> 'address' AS address, facts ->> 'tty' AS tty,
    strftime('%Y-%m-%dT%H:%M:%S', (facts ->> 'opened') / 1000000000, 'unixepoch') || 'Z' AS opened,
    strftime('%Y-%m-%dT%H:%M:%S', (facts ->> 'closed') / 1000000000, 'unixepoch') || 'Z' AS closed,
    facts ->> 'seconds' AS seconds, facts ->> 'end' AS end, facts ->> 'method' AS method, facts ->> 'key' AS key,
    facts ->> 'told_by' AS told_by, facts ->> 'events' AS events, facts ->> 'opened' AS opened_time, facts ->> 'closed' AS closed_time
FROM inventory i JOIN exhibits x ON x.id = i.exhibit WHERE i.kind = 'session';

-- Findings with the exhibit's name, the time to read, and what was said of them.
CREATE VIEW IF NOT EXISTS conclusions AS
SELECT f.name, f.severity, f.confidence, f.question, f.rule, f.title, f.explanation, f.technique, f.next,
    strftime('%Y-%m-%dT%H:%M:%S', f.first / 1000000000, 'unixepoch') || 'Z' AS first,
    strftime('%Y-%m-%dT%H:%M:%S', f.last / 1000000000, 'unixepoch') || 'Z' AS last,
    x.name AS exhibit, v.verdict,
    (SELECT n.note FROM verdicts n WHERE n.finding = f.name AND n.note IS NOT NULL ORDER BY n.id DESC LIMIT 1) AS note,
    v.who, f.id
FROM findings f JOIN exhibits x ON x.id = f.exhibit LEFT JOIN verdicts v ON v.id = (
    SELECT w.id FROM verdicts w WHERE w.finding = f.name ORDER BY w.verdict = 'noted', w.id DESC LIMIT 1);
