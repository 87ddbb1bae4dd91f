//! `lockgate users token`

use super::super::output::{Failure, Out, shown};
use crate::auth::{Token, Users};

/// Make a bearer token for somebody.
///
/// Prints the token on the first line, to be given to its owner once: it is stored nowhere. Below it stands the entry
/// for the users file. To give somebody a second token, for example while one is replaced, list both digests:
/// token_sha256 = ["...", "..."].
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate users token alice
  lockgate users token batch-7 --role fraud_analyst --dc eu")]
pub(crate) struct Args {
    /// Name of the person or program, as the policy writes it behind `user:`.
    name: String,
    /// A role besides those that the policy gives, without `role:`. May be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Where this user's results are delivered. Without it: the gateway's site.
    #[arg(long)]
    dc: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let token =
        Token::generate().map_err(|cause| Failure::failed(format!("the system gives no random bytes: {cause}")))?;
    let entry = entry(args, &token.digest().to_string())?;
    let mut out = Out::stdout();
    out.line(token.expose())?;
    out.line("")?;
    out.line(entry)?;
    out.finish()
}

/// The entry, which the gateway would take.
fn entry(args: &Args, digest: &str) -> Result<String, Failure> {
    let mut table = toml::Table::new();
    table.insert("name".to_owned(), args.name.clone().into());
    if !args.roles.is_empty() {
        table.insert("roles".to_owned(), args.roles.clone().into());
    }
    if let Some(dc) = &args.dc {
        table.insert("dc".to_owned(), dc.clone().into());
    }
    table.insert("token_sha256".to_owned(), digest.into());
    let lines = toml::to_string(&table).map_err(Failure::failed)?;
    let entry = format!("[[users]]\n{}", lines.trim_end());
    match Users::parse(&entry, "entry") {
        Ok(_) => Ok(entry),
        Err(problems) => {
            let texts = problems.iter().map(|problem| {
                format!("{}: {}; {}", problem.rule.as_deref().unwrap_or("entry"), problem.text, problem.hint)
            });
            Err(Failure::refused(shown(&texts.collect::<Vec<_>>().join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(name: &str) -> Args {
        Args { name: name.to_owned(), roles: vec!["fraud_analyst".to_owned()], dc: Some("eu".to_owned()) }
    }

    #[test]
    fn entry_lets_the_token_sign_in() {
        let token = Token::generate().unwrap();
        let entry = entry(&args("zoë \"z\""), &token.digest().to_string()).unwrap();
        let users = Users::parse(&entry, "users.toml").unwrap();
        let caller = users.find(&token.digest()).unwrap();
        assert_eq!((caller.principal.name.as_str(), caller.dc.as_deref()), ("zoë \"z\"", Some("eu")));
    }

    #[test]
    fn name_that_a_gateway_would_refuse_is_refused() {
        for name in ["user:alice", "", " alice", "a\nb"] {
            assert_eq!(entry(&args(name), &"ab".repeat(32)).unwrap_err().parts().0, 2, "{name:?}");
        }
    }
}
