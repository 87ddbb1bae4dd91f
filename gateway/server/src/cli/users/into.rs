//! Adds a token's digest to a users file and leaves everything else in it as it is, comments included.

use std::io::{ErrorKind, Write};
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use super::super::output::{Failure, shown, told_problems};
use super::token::Args;
use crate::auth::Users;

/// Adds the digest to the file; a file that is not there is made. The file is replaced as a whole or not at all.
pub(super) fn add(path: &Path, args: &Args, digest: &str) -> Result<(), Failure> {
    let name = path.display().to_string();
    let failed = |cause: std::io::Error| Failure::failed(format!("`{name}` cannot be written: {cause}"));
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => "users = []\n".to_owned(),
        Err(cause) => return Err(Failure::failed(format!("`{name}` cannot be read: {cause}"))),
    };
    Users::parse(&before, &name).map_err(|problems| told_problems(&problems))?;
    let after = with_digest(&before, args, digest)?;
    Users::parse(&after, &name).map_err(|problems| told_problems(&problems))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".lockgate-").suffix(".part").tempfile_in(folder).map_err(failed)?;
    file.write_all(after.as_bytes()).map_err(failed)?;
    if let Ok(known) = std::fs::metadata(path) {
        file.as_file().set_permissions(known.permissions()).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The text of a users file with one more digest.
fn with_digest(text: &str, args: &Args, digest: &str) -> Result<String, Failure> {
    let mut document: DocumentMut = text.parse().map_err(|_| Failure::refused("the users file is not TOML"))?;
    if document.get("users").and_then(Item::as_array).is_some_and(Array::is_empty) {
        document.insert("users", Item::ArrayOfTables(ArrayOfTables::new()));
    }
    let Some(users) = document.get_mut("users").and_then(Item::as_array_of_tables_mut) else {
        return Err(Failure::refused("the users file does not list its users as `[[users]]`; write it so"));
    };
    let is_meant = |user: &&mut Table| user.get("name").and_then(Item::as_str) == Some(args.name.as_str());
    let Some(user) = users.iter_mut().find(is_meant) else {
        users.push(entry(args, digest));
        return Ok(document.to_string());
    };
    if !args.roles.is_empty() || args.dc.is_some() {
        let text = format!("`{}` stands in the file already; change roles and dc there", shown(&args.name));
        return Err(Failure::refused(text));
    }
    let digests = user.entry("token_sha256").or_insert_with(|| Array::new().into());
    if let Some(only) = digests.as_str().map(str::to_owned) {
        *digests = Array::from_iter([only]).into();
    }
    if let Some(digests) = digests.as_array_mut() {
        digests.push(digest);
    }
    Ok(document.to_string())
}

/// A new entry.
pub(super) fn entry(args: &Args, digest: &str) -> Table {
    let mut table = Table::new();
    table.insert("name", args.name.as_str().into());
    if !args.roles.is_empty() {
        let roles = Array::from_iter(args.roles.iter().map(|role| Value::from(role.as_str())));
        table.insert("roles", roles.into());
    }
    if let Some(dc) = &args.dc {
        table.insert("dc", dc.as_str().into());
    }
    table.insert("token_sha256", digest.into());
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Token;

    fn args(name: &str) -> Args {
        Args { name: name.to_owned(), roles: Vec::new(), dc: None, into: None }
    }

    fn digests(n: usize) -> Vec<String> {
        (0..n).map(|_| Token::generate().unwrap().digest().to_string()).collect()
    }

    #[test]
    fn a_new_file_holds_the_entry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        let token = Token::generate().unwrap();
        let guest = Args { roles: vec!["press".to_owned()], dc: Some("eu".to_owned()), ..args("pat") };
        add(&path, &guest, &token.digest().to_string()).unwrap();
        add(&path, &args("ann"), &digests(1)[0]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let users = Users::parse(&text, "users.toml").unwrap();
        let caller = users.find(&token.digest()).unwrap();
        assert_eq!((caller.principal.name.as_str(), caller.dc.as_deref()), ("pat", Some("eu")));
        assert!(caller.principal.roles.contains("press"));
        assert_eq!(text.matches("[[users]]").count(), 2, "{text}");
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let known = digests(3);
        let text = format!(
            "# ours\n[[users]]\nname = \"ann\" # analyst\ntoken_sha256 = \"{}\"\n\n[[users]]\nname = \"bob\"\ntoken_sha256 = [\"{}\"]\n",
            known[0], known[1]
        );
        let after = with_digest(&text, &args("bob"), &known[2]).unwrap();
        assert_eq!(
            after,
            text.replace(&format!("[\"{}\"]", known[1]), &format!("[\"{}\", \"{}\"]", known[1], known[2]))
        );
        let after = with_digest(&text, &args("ann"), &known[2]).unwrap();
        assert!(after.starts_with("# ours\n[[users]]\nname = \"ann\" # analyst\n"), "{after}");
        assert!(after.contains(&known[0]) && after.contains(&known[2]), "{after}");
    }

    #[test]
    fn what_a_gateway_would_refuse_leaves_the_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        let digest = &digests(1)[0];
        for (text, args) in [
            ("users = 1\n", args("ann")),
            ("[[users]]\nname = \"ann\"\n", args("ann")),
            ("users = []\n", args("user:ann")),
            ("[[users]]\nname = \"ann\"\ntoken_sha256 = []\n", Args { dc: Some("eu".to_owned()), ..args("ann") }),
            ("users = [{ name = \"ann\", token_sha256 = [] }]\n", args("ann")),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(add(&path, &args, digest).unwrap_err().parts().0, 2, "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
