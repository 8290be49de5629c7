//! Where words go: answers to standard output, all else to standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressDrawTarget};
use report::json::Answer;
use report::text::{Colour, Fold, Look};
use runtime::Exit;
use serde::Serialize;

use crate::args::{DEFAULT_DATA, Global, When};
use crate::failure::Failure;

/// Columns of text that goes into a pipe or a file.
const PIPE_WIDTH: usize = 100;
/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 140;

/// A clone is another handle on the same one.
#[derive(Debug, Clone)]
pub struct Console {
    json: bool,
    quiet: bool,
    colour: Colour,
    error_colour: Colour,
    width: usize,
    /// What has to stand in commands that are shown for copying.
    flags: Arc<str>,
    bars: MultiProgress,
}

impl Console {
    /// The console that these options ask for.
    pub fn new(global: &Global) -> Self {
        let colour = |terminal: bool| match global.color {
            When::Always => Colour::Ansi,
            When::Never => Colour::Plain,
            When::Auto if terminal && wants_colour() => Colour::Ansi,
            When::Auto => Colour::Plain,
        };
        let (out, error) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let draw = match error && !global.quiet {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let width = match terminal_size::terminal_size_of(io::stdout()) {
            Some((width, _)) if out => usize::from(width.0).min(WIDEST),
            _ => PIPE_WIDTH,
        };
        Self {
            json: global.json,
            quiet: global.quiet,
            colour: colour(out),
            error_colour: colour(error),
            width,
            flags: flags(global).into(),
            bars: MultiProgress::with_draw_target(draw),
        }
    }

    /// The console of a command line that could not be read, but for its `--json`.
    pub fn json_only() -> Self {
        Self {
            json: true,
            quiet: true,
            colour: Colour::Plain,
            error_colour: Colour::Plain,
            width: PIPE_WIDTH,
            flags: "".into(),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        }
    }

    /// Whether one JSON object is all that may go to standard output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only what went wrong is worth a word.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Colour of standard error.
    pub fn error_colour(&self) -> Colour {
        self.error_colour
    }

    /// Where progress bars stand.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// How text on standard output is to look.
    pub fn look(&self) -> Look {
        Look { colour: self.colour, width: self.width, fold: Fold::Short }
    }

    /// Prints to standard output, unless that is kept for JSON. A reader that has gone away
    /// (`| head`) is no error: what the command did is done.
    pub fn print(&self, text: &str) {
        if !self.json {
            let text = self.as_typed(text);
            self.bars.suspend(|| ignore_closed(io::stdout().lock().write_all(text.as_bytes())));
        }
    }

    /// Prints what was done, unless only what went wrong is worth a word.
    pub fn report(&self, text: &str) {
        if !self.quiet {
            self.print(text);
        }
    }

    /// Prints through a writer, as [`Console::print`].
    pub fn stream(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.bars.suspend(|| {
            let mut out = io::BufWriter::new(io::stdout().lock());
            match write(&mut out).and_then(|()| out.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    let failed = Failure::new(Exit::Failed, "output", "cannot write the output");
                    Err(failed.because(&error))
                }
                _ => Ok(()),
            }
        })
    }

    /// Prints the one JSON object, where that is wanted.
    pub fn answer(&self, answer: &Answer) -> Result<(), Failure> {
        if self.json { self.stream(|out| answer.write(out)) } else { Ok(()) }
    }

    /// Prints another JSON object of ours, where that is wanted.
    pub fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        self.stream(|out| {
            serde_json::to_writer_pretty(&mut *out, object)?;
            writeln!(out)
        })
    }

    /// Says something by the way, on standard error.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let text = self.as_typed(text);
            self.bars.suspend(|| ignore_closed(writeln!(io::stderr(), "{text}")));
        }
    }

    /// Tells a failure, and gives back how the process ends.
    pub fn fail(&self, failure: &Failure) -> Exit {
        if self.json {
            let answer = Answer::failed(failure.to_run_error());
            // Where not even this can be written, the exit code is all that is left to say.
            let _told = self.answer(&answer);
        } else {
            let text = self.as_typed(&self.failure(failure));
            self.bars.suspend(|| ignore_closed(io::stderr().write_all(text.as_bytes())));
        }
        failure.exit
    }

    fn failure(&self, failure: &Failure) -> String {
        let (red, bold, dim, off) = match self.error_colour {
            Colour::Ansi => ("\u{1b}[1;31m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m"),
            Colour::Plain => ("", "", "", ""),
        };
        let mut text = format!("{red}error:{off} {bold}{}{off}\n", shown(&failure.message));
        for cause in &failure.causes {
            text.push_str(&format!("  {dim}because:{off} {}\n", shown(cause)));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("  {dim}what to do:{off} {}\n", shown(hint)));
        }
        if failure.exit == Exit::Unreadable {
            text.push_str("Nothing was changed.\n");
        }
        text
    }

    /// What has to stand in commands that are shown for copying, a space behind each.
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// Commands are for copying: they name the data folder and the configuration that this one
    /// was started with.
    fn as_typed(&self, text: &str) -> String {
        const COMMANDS: [&str; 12] = [
            "show",
            "holds",
            "approve",
            "reject",
            "revert",
            "resume",
            "sweep",
            "runs",
            "credentials",
            "target",
            "tenant",
            "redrive",
        ];
        if self.flags.is_empty() {
            return text.to_owned();
        }
        let mut typed = text.to_owned();
        for command in COMMANDS {
            let with = format!("rollcall {}{command}", self.flags);
            typed = typed.replace(&format!("rollcall {command}"), &with);
        }
        typed
    }
}

/// What went wrong can quote names out of an archive: they are neither obeyed nor endless.
fn shown(text: &str) -> String {
    const LONGEST: usize = 2000;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    report::harmless_text(&shown)
}

/// The options that a command shown for copying has to repeat, each with a space behind it.
fn flags(global: &Global) -> String {
    let mut flags = String::new();
    let mut add = |name: &str, value: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,~".contains(c);
        let value = match !value.is_empty() && value.chars().all(plain) {
            true => value.to_owned(),
            false => format!("'{}'", value.replace('\'', "'\\''")),
        };
        flags.push_str(&format!("{name} {value} "));
    };
    #[cfg(feature = "aws")]
    if let Some(stack) = global.stack() {
        // What else was typed is not for the commands that follow: they need no file.
        add("--aws", stack);
        if let Some(tenant) = &global.aws.of_tenant {
            add("--tenant", tenant);
        }
        if let Some(integration) = &global.integration {
            add("--integration", integration);
        }
        return flags;
    }
    if global.data.as_os_str() != DEFAULT_DATA {
        add("--data", &global.data.to_string_lossy());
    }
    if let Some(config) = &global.config {
        add("--config", &config.to_string_lossy());
    }
    if let Some(integration) = &global.integration {
        add("--integration", integration);
    }
    flags
}

fn wants_colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Standard streams that nobody reads any more are no error.
fn ignore_closed(written: io::Result<()>) {
    let _closed = written;
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn console(args: &[&str]) -> Console {
        let args = ["rollcall", "runs"].iter().chain(args);
        Console::new(&Cli::try_parse_from(args).unwrap().global)
    }

    #[test]
    fn commands_for_copying_repeat_what_was_typed() {
        let text = "If this is meant:  rollcall approve r1 --checksum c";
        assert_eq!(console(&[]).as_typed(text), text);
        assert_eq!(
            console(&["--data", "my data", "--integration", "hr"]).as_typed(text),
            "If this is meant:  rollcall --data 'my data' --integration hr approve r1 --checksum c"
        );
    }

    #[cfg(feature = "aws")]
    #[test]
    fn commands_for_copying_name_the_installation() {
        let text = "Once it is whole:  rollcall tenant secret oak lms-token";
        let given = ["--aws", "s", "--tenant", "oak", "--config", "oak.toml"];
        assert_eq!(
            console(&given).as_typed(text),
            "Once it is whole:  rollcall --aws s --tenant oak tenant secret oak lms-token"
        );
    }

    #[test]
    fn what_a_failure_quotes_is_not_obeyed() {
        let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\n";
        let failure = Failure::new(Exit::Unreadable, "x", evil)
            .because(&io::Error::other(evil.repeat(1000)))
            .hint(evil);
        let told = console(&["--color", "never"]).failure(&failure);
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!told.contains(obeyed), "{told:?}");
        assert_eq!(told.lines().count(), 4, "{told}");
        assert!(told.len() < 10_000);
    }

    #[test]
    fn a_failure_says_why_and_what_to_do() {
        let failure = Failure::new(Exit::Unreadable, "x", "`a.xml` was not taken in")
            .because(&io::Error::other("it ends early"))
            .hint("wait until it is complete");
        insta::assert_snapshot!(console(&["--color", "never"]).failure(&failure), @r"
        error: `a.xml` was not taken in
          because: it ends early
          what to do: wait until it is complete
        Nothing was changed.
        ");
    }
}
