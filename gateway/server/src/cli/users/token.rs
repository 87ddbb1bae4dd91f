//! `lockgate users token`

use std::path::PathBuf;

use super::super::output::{Failure, Out, shown};
use super::into;
use crate::auth::{Token, Users};

/// Make a bearer token for somebody.
///
/// Prints the token on the first line, to be given to its owner once: it is stored nowhere. Below it stands the entry
/// for the users file; with --into it is written there instead. A user who is in the file already gets the token besides those that
/// they have, so that one can be replaced without a gap: remove the old digest when nobody uses it any more.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate users token alice
  lockgate users token alice --into users.toml > alice.token
  lockgate users token batch-7 --role fraud_analyst --dc eu")]
pub(crate) struct Args {
    /// Name of the person or program, as the policy writes it behind `user:`.
    pub(super) name: String,
    /// A role besides those that the policy gives, without `role:`. May be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub(super) roles: Vec<String>,
    /// Where this user's results are delivered. Without it: the gateway's site.
    #[arg(long)]
    pub(super) dc: Option<String>,
    /// Add the entry to this users file, and print nothing but the token.
    #[arg(long, value_name = "FILE")]
    pub(super) into: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let token =
        Token::generate().map_err(|cause| Failure::failed(format!("the system gives no random bytes: {cause}")))?;
    let digest = token.digest().to_string();
    let mut out = Out::stdout();
    if let Some(file) = &args.into {
        into::add(file, args, &digest)?;
        out.line(token.expose())?;
    } else {
        let entry = entry(args, &digest)?;
        out.line(token.expose())?;
        out.line("")?;
        out.line(entry)?;
    }
    out.finish()
}

/// The entry, which the gateway would take.
fn entry(args: &Args, digest: &str) -> Result<String, Failure> {
    let entry = format!("[[users]]\n{}", into::entry(args, digest).to_string().trim_end());
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
        Args { name: name.to_owned(), roles: vec!["fraud_analyst".to_owned()], dc: Some("eu".to_owned()), into: None }
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
