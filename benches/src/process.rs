//! Peers in processes of their own, so that memory and processor time are theirs alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that ends with its owner.
pub struct Peer {
    child: Child,
    /// First line that it printed.
    pub greeting: String,
}

impl Peer {
    /// Starts this very program with other arguments, and waits for its first line.
    ///
    /// # Panics
    /// When it does not start, or ends without a line.
    pub fn of_myself(arguments: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments);
        Self::start(&mut command)
    }

    /// Starts a command and waits for its first line.
    ///
    /// # Panics
    /// When it does not start, or ends without a line.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut greeting = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut greeting).unwrap();
        assert!(!greeting.is_empty(), "{command:?} said nothing");
        // Keeps reading, so that the process never waits for a full pipe.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, greeting: greeting.trim().to_owned() }
    }

    /// Starts a command and waits until something listens on `port` of this machine.
    ///
    /// # Panics
    /// When it ends before, or a minute passes.
    pub fn listening(command: &mut Command, port: u16) -> Self {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{command:?} ended");
            assert!(std::time::Instant::now() < deadline, "{command:?} does not listen on {port}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Self { child, greeting: String::new() }
    }

    /// Most memory that it ever had resident, in MiB; of now when `now`.
    ///
    /// # Panics
    /// On systems without `/proc`.
    pub fn resident_mib(&self, which: Resident) -> f64 {
        let path = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let status = std::fs::read_to_string(path).unwrap();
        let key = match which {
            Resident::Now => "VmRSS:",
            Resident::Peak => "VmHWM:",
        };
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Forgets the peak so far.
    ///
    /// # Panics
    /// On systems without `/proc`.
    pub fn reset_peak(&self) {
        std::fs::write(Path::new("/proc").join(self.child.id().to_string()).join("clear_refs"), "5").unwrap();
    }

    /// Processor time that it has used so far, in seconds.
    ///
    /// # Panics
    /// On systems without `/proc`.
    pub fn cpu_seconds(&self) -> f64 {
        let path = Path::new("/proc").join(self.child.id().to_string()).join("stat");
        let stat = std::fs::read_to_string(path).unwrap();
        // Counted after the name, which may hold blanks; clock ticks are hundredths of a second on Linux.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

/// Which resident memory.
#[derive(Debug, Clone, Copy)]
pub enum Resident {
    /// What it has now.
    Now,
    /// The most that it had since the start, or since [`Peer::reset_peak`].
    Peak,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
