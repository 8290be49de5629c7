//! Where the LMS's token goes: to the LMS, and nowhere else.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

const TOKEN: &str = "5ec2e7a7b1f0c2d3e4958671fedcba98";

const EXPORT: &str = "<enterprise><person><sourcedid><source>s</source><id>p-1</id></sourcedid>\
    <userid>ada</userid><name><fn>Ada L</fn><n><family>L</family><given>Ada</given></n></name>\
    <email>ada@school.invalid</email></person></enterprise>";

/// An LMS that refuses everybody, and repeats what it was told. Hands on what that was.
fn lms() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (heard, hears) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut chunk = [0; 4096];
            while !String::from_utf8_lossy(&seen).contains("wsfunction=") {
                match stream.read(&mut chunk).unwrap() {
                    0 => break,
                    read => seen.extend_from_slice(&chunk[..read]),
                }
            }
            let body = format!(
                r#"{{"exception":"{TOKEN}","errorcode":"invalidtoken","message":"no {TOKEN}"}}"#
            );
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap();
            if heard.send(String::from_utf8_lossy(&seen).into_owned()).is_err() {
                return;
            }
        }
    });
    (at, hears)
}

fn run(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(args)
        .current_dir(folder)
        .env("LMS_TOKEN", TOKEN)
        // Everything that any library has to say.
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    format!(
        "exit {}\n{}\n{}",
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// How many files there are, none of which holds the token.
fn clean_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += clean_files(&path);
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        let holds = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!holds, "the token is in {}", path.display());
    }
    files
}

#[test]
fn the_token_goes_to_the_lms_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (at, heard) = lms();
    fs::write(folder.path().join("export.xml"), EXPORT).unwrap();
    let config = format!(
        "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
             first_sync = \"deliver\"\n\
         [[integration.source]]\nname = \"registrar\"\n[integration.target]\nkind = \"moodle\"\n\
         url = \"http://{at}\"\ntoken = {{ env = \"LMS_TOKEN\" }}\n"
    );
    fs::write(folder.path().join("rollcall.toml"), config).unwrap();

    let said = run(folder.path(), &["sync", "export.xml", "-vv"]);
    assert!(said.starts_with("exit 6"), "{said}");
    assert!(said.contains("invalidtoken"), "{said}");
    let request = heard.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(body.contains(&format!("wstoken={TOKEN}")), "{request}");
    assert!(!head.contains(TOKEN), "addresses and headers end up in logs: {head}");

    let mut all = said;
    for args in [
        &["runs", "--json"][..],
        &["show", "last", "--all"],
        &["show", "last", "--json"],
        &["show", "last", "--html", "report.html", "--rejects", "rejects.csv"],
        &["sweep"],
        &["backup", "copy.backup"],
        &["trace", "person:p-1"],
    ] {
        all.push_str(&run(folder.path(), args));
    }
    assert!(!all.contains(TOKEN), "{all}");
    // The backup is compressed: what is in it is what is in the folder.
    assert!(clean_files(folder.path()) > 5);
}
