//! A school that is hosted: its folder, its configuration, its simulated Moodle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::SystemClock;
use end_to_end::Town;
use end_to_end::oracle::lms_differs;
use end_to_end::wire::Platform;
use hosted::VAULT_KEY;
use sandbox::http::{Server, serve};
use sandbox::moodle::{Site, TOKEN};
use secrecy::SecretString;
use store::state::Scope;
use store::state::run::{Run, StoredRun};

use crate::Aws;

/// One tenant with one integration.
pub struct School {
    /// Its integration.
    pub scope: Scope,
    /// Its Moodle.
    pub site: Arc<Mutex<Site>>,
    server: Option<Server>,
    address: std::net::SocketAddr,
    /// Towns whose people may have left accounts behind.
    pub known: Vec<Town>,
}

impl School {
    /// A school `tenant` whose Moodle is empty, added to the installation. `source` is what its
    /// configuration says of its source beside the name.
    pub async fn open(aws: &Aws, tenant: &str, source: &str) -> Self {
        Self::open_with(aws, tenant, source, 2).await
    }

    /// The same; one request to its Moodle may take so many seconds.
    pub async fn open_with(aws: &Aws, tenant: &str, source: &str, timeout: u64) -> Self {
        let site = Arc::new(Mutex::new(Site::in_memory()));
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let server = serve(site.clone(), free, Arc::new(SystemClock)).await;
        let server = server.expect("the simulated Moodle listens");
        let (scope, address) = (Scope::new(tenant, "sis"), server.local_addr());
        let school = Self { scope, site, server: Some(server), address, known: Vec::new() };
        school.configure(aws, source, timeout).await;
        school
    }

    async fn configure(&self, aws: &Aws, source: &str, timeout: u64) {
        let text = format!(
            "tenant = \"{}\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
             first_sync = \"deliver\"\n\
             [[integration.source]]\nname = \"registrar\"\n{source}\n\
             [integration.limits.course]\nremove_count = 3\nremove_minimum = 0\n\
             [integration.target]\nkind = \"moodle\"\nurl = \"http://{}\"\n\
             token = {{ secret = \"moodle-token\" }}\nallow_private = true\ntimeout = {timeout}\n\
             batch = 50\n",
            self.scope.tenant, self.address
        );
        hosted::integrations(&text, &self.scope.path()).expect("a configuration");
        hosted::save(&aws.stores, &self.scope, &text).await.expect("it is stored");
        let secrets = aws.operator.secrets();
        let key = SecretString::from("5a".repeat(32));
        for (name, value) in [("moodle-token", SecretString::from(TOKEN)), (VAULT_KEY, key)] {
            let stored = secrets.put(&self.scope.tenant, name, &value).await;
            stored.expect("the secret is stored");
        }
    }

    /// The key of a file that the school drops off.
    pub fn key(&self, file: &str) -> String {
        format!("incoming/{}/registrar/{file}", self.scope.path())
    }

    /// Drops a file off.
    pub async fn drop_off(&self, aws: &Aws, file: &str, bytes: &[u8]) {
        let put = aws.stores.objects.put(&self.key(file), bytes).await;
        put.expect("the file is dropped off");
    }

    /// Its runs, the newest first.
    pub async fn runs(&self, aws: &Aws) -> Vec<Run> {
        let runs = StoredRun::list(&aws.stores, &self.scope, 500).await;
        runs.expect("runs can be read").into_iter().map(|stored| stored.run).collect()
    }

    /// Waits until the file has been taken in or refused, and all that follows has come to rest.
    pub async fn settled(&self, aws: &Aws, file: &str, patience: Duration) -> Run {
        let what = format!("`{file}` of {}", self.scope.path());
        aws.wait(&what, patience, async || {
            let runs = self.runs(aws).await;
            let dealt = runs
                .iter()
                .any(|run| run.files.iter().any(|read| read.name == file) && run.state.is_final());
            dealt && aws.is_at_rest(&self.scope).await
        })
        .await;
        let of_file = |run: &Run| run.files.iter().any(|read| read.name == file);
        self.runs(aws).await.into_iter().find(of_file).expect("it has a run")
    }

    /// Its Moodle misbehaves so from now on.
    pub fn plan_fault(&self, rule: sandbox::Rule) {
        self.site.lock().unwrap_or_else(PoisonError::into_inner).faults_mut().add(rule);
    }

    /// Where its Moodle is not what `town` says.
    pub fn faults(&self, town: &Town) -> Vec<String> {
        let site = self.site.lock().unwrap_or_else(PoisonError::into_inner);
        lms_differs(&Platform::of(site.fork()), town, &self.known)
    }

    /// Its Moodle is gone.
    pub async fn close_moodle(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Its Moodle is back, where it was.
    pub async fn open_moodle(&mut self) {
        let server = serve(self.site.clone(), self.address, Arc::new(SystemClock)).await;
        self.server = Some(server.expect("the port is free again"));
    }
}
