use super::*;
use crate::testing::parse;
use proptest::prelude::*;
use serde_json::json;

const MAILS: &[u8] = b"From root@quay1 Thu Feb 29 23:59:58 2024
Return-Path: <root@quay1>
Received: by quay1 (Postfix, from userid 0)
\tid 4A1B2; Thu, 29 Feb 2024 23:59:58 +0100 (CET)
From: root@quay1 (Cron Daemon)
To: root@quay1
Subject: Cron <root@quay1> test -x /usr/sbin/anacron ||
 ( cd / && run-parts --report /etc/cron.daily )
Date: Thu, 29 Feb 2024 23:59:58 +0100 (CET)
Message-Id: <20240229225958.4A1B2@quay1>

/etc/cron.daily/backup:
>From here on it fails

rm: cannot remove

From stranger@example.org  Fri Mar  1 10:00:00 +0000 2024
Date: Fri, 1 Mar 1994 10:00:00 +0000
Subject: hello
From: nobody

From the beginning
";

#[test]
fn every_mail_is_one_event_with_its_headers_and_the_beginning_of_its_body() {
    let parsed = parse(&Mail, "/var/mail/root", "2024-03-01T12:00:00Z", MAILS);
    assert_eq!((parsed.events.len(), parsed.row.others), (2, 0));
    let expected = [
        json!({"kind": "mail.received", "user": "root", "time": "2024-02-29T22:59:58Z", "basis": "stated",
            "from": "root@quay1 (Cron Daemon)", "to": "root@quay1", "sender": "root@quay1", "cron_account": "root@quay1",
            "command": "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "offset": 0,
            "message_id": "<20240229225958.4A1B2@quay1>", "line": 1, "body_lines": 5,
            "body": "/etc/cron.daily/backup:\\u{a}>From here on it fails\\u{a}\\u{a}rm: cannot remove"}),
        // A date of thirty years before is not believed.
        json!({"message": "hello", "time": "2024-03-01T10:00:00Z", "date": "Fri, 1 Mar 1994 10:00:00 +0000",
            "sender": "stranger@example.org", "from": "nobody", "body": "From the beginning", "command": null}),
    ];
    parsed.assert_events(&expected);
    let length = |number: usize| parsed.events[number]["length"].as_u64().unwrap();
    assert_eq!(length(0) + length(1), u64::try_from(MAILS.len()).unwrap());
}

#[test]
fn a_body_is_given_up_to_a_bound() {
    let mail = [b"From a Thu Feb 29 23:59:58 2024\n\n".to_vec(), b"x".repeat(100_000), b"\n".repeat(100_000)].concat();
    let parsed = parse(&Mail, "/var/mail/root", "2024-03-01T12:00:00Z", &mail);
    assert_eq!((parsed.events.len(), parsed.all("body_lines")[0].clone()), (1, json!(100_000)));
    assert_eq!(parsed.all("body")[0].as_str().unwrap().len(), 2048);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let _ = parse(&Mail, "/var/mail/root", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
    }
}

/// Beginnings of mails that lead into each part of the parser.
const STARTS: [&[u8]; 5] = [
    b"",
    b"From a ",
    b"From a Thu Feb 29 23:59:58 2024\n",
    b"From a Thu Feb 29 23:59:58 2024\nDate: Thu, 29 ",
    b"From a Thu Feb 29 23:59:58 2024\nSubject: Cron <",
];
