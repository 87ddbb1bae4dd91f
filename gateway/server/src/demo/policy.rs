//! The sample policy, carried in the binary.

use std::fs;
use std::io;
use std::path::Path;

/// Files of `samples/policy`: name and text.
pub const FILES: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../../samples/policy/README.md")),
    ("classification.yaml", include_str!("../../../../samples/policy/classification.yaml")),
    ("erasures.csv", include_str!("../../../../samples/policy/erasures.csv")),
    ("model.conf", include_str!("../../../../samples/policy/model.conf")),
    ("policy.csv", include_str!("../../../../samples/policy/policy.csv")),
    ("policy_tests.yaml", include_str!("../../../../samples/policy/policy_tests.yaml")),
];

/// Writes the sample policy into `dir`. Files that are there stay as they are, so that edits outlive a restart.
///
/// # Errors
/// What the file system says.
pub fn write(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (name, text) in FILES {
        let path = dir.join(name);
        if !path.exists() {
            fs::write(path, text)?;
        }
    }
    Ok(())
}
