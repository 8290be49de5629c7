//! `rollcall sandbox`

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ::sandbox::http::serve;
use ::sandbox::journal::JournalError;
use ::sandbox::moodle::{Site, TOKEN};
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;

use crate::failure::Failure;
use crate::home::Setting;
use crate::site::{FOLDER, Listening, listening};

/// Run the simulated LMS until Ctrl-C, with a page to look at
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It keeps what it holds in the data folder; a sync into the sandbox meanwhile uses this one.

Examples:
  rollcall sandbox                     open the address that it prints in a browser
  rollcall sandbox --token secret      and try what a wrong token looks like

It can be told to fail. Every third call is answered with an error, from now on:
  curl -H 'content-type: application/json' http://127.0.0.1:8095/sandbox/faults \\
    -d '{\"seed\": 1, \"rules\": [{\"chance\": 0.33, \"fault\": {\"kind\": \"status\", \"status\": 503}}]}'")]
pub struct Sandbox {
    /// Where it listens, on this machine only; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 8095)]
    port: u16,
    /// The web service token that it accepts
    #[arg(long, value_name = "TOKEN", default_value = TOKEN)]
    token: String,
}

#[derive(Serialize)]
struct Up<'a> {
    schema: u32,
    url: &'a str,
}

impl Sandbox {
    /// Runs until Ctrl-C.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let folder = setting.global.data.join(FOLDER);
        let mut site = Site::open(&folder).map_err(|error| closed(&error, &folder))?;
        site.settings_mut().token = self.token;
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let site = Arc::new(Mutex::new(site));
        let server = serve(site, address, Arc::clone(&setting.clock)).await;
        let server = server.map_err(|error| {
            let message = format!("cannot listen on port {}", self.port);
            Failure::new(Exit::Failed, "port", message)
                .because(&error)
                .hint("take another one with --port, or any free one with --port 0")
        })?;
        let url = server.url();
        let listens = Listening::at(&folder, &url).map_err(|error| {
            let message = "cannot write into the sandbox's folder";
            Failure::new(Exit::Failed, "sandbox", message).because(&error)
        })?;
        console.object(&Up { schema: SCHEMA, url: &url })?;
        console
            .print(&format!("The sandbox is at {url}\nCtrl-C ends it; what it holds is kept.\n"));
        setting.interrupt.pressed_once().await;
        drop(listens);
        server.shutdown().await;
        Ok(Exit::Done)
    }
}

fn closed(error: &JournalError, folder: &std::path::Path) -> Failure {
    match (error, listening(folder)) {
        (JournalError::Locked, Some(url)) => {
            Failure::new(Exit::Locked, "locked", format!("the sandbox runs already, at {url}"))
        }
        (JournalError::Locked, None) => {
            Failure::new(Exit::Locked, "locked", "a sync is using the sandbox just now")
                .hint("start it again when the sync is done")
        }
        _ => Failure::new(Exit::Failed, "sandbox", "the sandbox does not start").because(error),
    }
}
