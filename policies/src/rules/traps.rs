//! What casbin alone would get wrong, each shown on a stock enforcer, and that we do not.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::sync::Arc;

use casbin::function_map::{OperatorFunction, key_match, regex_match};
use casbin::{CoreApi, DefaultEffector, DefaultModel, EffectKind, Effector, Enforcer, StringAdapter};
use futures::FutureExt;

use super::{Judge, Recorder, Standpoint, condition_holds, env_text, treatment_match};
use crate::condition::parse_date;
use crate::fixtures::{Copy, RIDERS, asker, decide, texts, world};
use crate::rulebook::{Effect, Rule, Shows};
use crate::{Shown, TableAccess, Treatment, model};

/// casbin as its manual shows it: model and policy texts, its own reader, role graph and effector.
fn stock(model: &str, policy: &str) -> Enforcer {
    let model = DefaultModel::from_str(model).now_or_never().unwrap().unwrap();
    let adapter = StringAdapter::new(policy.to_owned());
    let mut enforcer = Enforcer::new(model, adapter).now_or_never().unwrap().unwrap();
    enforcer.add_function("treatmentMatch", OperatorFunction::Arg2(treatment_match));
    enforcer.add_function("cond", OperatorFunction::Arg2(condition_holds));
    enforcer
}

/// Whether stock casbin lets bob see e-mail addresses as they are, with `deny` among the rules.
fn stock_allows(deny: &str) -> bool {
    let policy = format!(
        "{deny}\np, OK-01, role:staff, purpose:any, tag:pii, clear, always, allow\ng, user:bob, role:staff\n\
         g2, tag:pii.email, tag:pii\ng3, purpose:fraud, purpose:any"
    );
    let request = ["user:bob", "purpose:fraud", "tag:pii.email", "clear", "2026-11-23;eu"].map(str::to_owned).to_vec();
    stock(model::FIXED, &policy).enforce(request).unwrap()
}

/// The line as it should be denies; as it stands casbin loses it in silence, and we refuse the folder.
#[track_caller]
fn lost_by_casbin(line: &str) {
    assert!(!stock_allows("p, NO-01, role:staff, purpose:any, tag:pii, clear, always, deny"));
    assert!(stock_allows(line), "casbin heeds `{line}`");
    let copy = Copy::of_sample();
    let ours = line.replace("role:staff", "role:everyone").replace("NO-01", "XX-01");
    copy.write("policy.csv", format!("{ours}\n{}", copy.read("policy.csv")));
    let (set, problems) = copy.load();
    assert!(set.is_none(), "{line}");
    assert!(texts(&problems).iter().any(|problem| problem.starts_with("policy.csv:1")), "{:#?}", texts(&problems));
}

#[test]
fn a_deny_in_capitals_is_not_lost() {
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:pii, clear, always, Deny");
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:pii, clear, always, DENY");
}

#[test]
fn a_deny_with_a_comment_after_it_is_not_lost() {
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:pii, clear, always, deny # until further notice");
}

#[test]
fn a_deny_of_another_row_type_is_not_lost() {
    lost_by_casbin("P, NO-01, role:staff, purpose:any, tag:pii, clear, always, deny");
    lost_by_casbin("p9, NO-01, role:staff, purpose:any, tag:pii, clear, always, deny");
}

#[test]
fn a_deny_with_semicolons_is_not_lost() {
    lost_by_casbin("p; NO-01; role:staff; purpose:any; tag:pii; clear; always; deny");
}

#[test]
fn a_deny_behind_a_byte_order_mark_is_not_lost() {
    lost_by_casbin("\u{feff}p, NO-01, role:staff, purpose:any, tag:pii, clear, always, deny");
}

#[test]
fn a_deny_with_a_misspelled_condition_treatment_or_tag_is_not_lost() {
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:pii, clear, alwyas, deny");
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:pii, Clear, always, deny");
    lost_by_casbin("p, NO-01, role:staff, purpose:any, tag:PII, clear, always, deny");
    lost_by_casbin(
        "p, NO-01, role:stuff, purpose:any, tag:pii, clear, always, deny".replace("role:stuff", "role:staf").as_str(),
    );
}

#[test]
fn one_name_in_two_graphs_does_not_join_them() {
    // To casbin `g` and `g2` are one graph: bob is in `hr`, the tag `hr` is below `secret`, so bob has role `secret`.
    let policy = "p, OK-01, secret, any, staff, clear, always, allow\ng, bob, hr\ng2, hr, secret";
    let request = ["bob", "any", "staff", "clear", "2026-11-23;eu"].map(str::to_owned).to_vec();
    assert!(stock(model::FIXED, policy).enforce(request).unwrap());
    let copy = Copy::of_sample();
    copy.append("policy.csv", "g, user:nina, hr\ng2, hr, tag:special");
    assert!(copy.load().0.is_none());
}

/// `role:r0` -> ... -> `role:rN`
fn chain(n: usize) -> String {
    (0..n).map(|step| format!("g, role:r{step}, role:r{}\n", step + 1)).collect()
}

#[test]
fn a_deny_far_away_is_not_overlooked() {
    let policy = |n: usize| {
        format!(
            "p, NO-01, role:r{n}, any, tag:pii, clear, always, deny\np, OK-01, role:r0, any, tag:pii, clear, always, allow\n{}",
            chain(n)
        )
    };
    let request = || ["role:r0", "any", "tag:pii", "clear", "2026-11-23;eu"].map(str::to_owned).to_vec();
    assert!(!stock(model::FIXED, &policy(9)).enforce(request()).unwrap());
    assert!(stock(model::FIXED, &policy(10)).enforce(request()).unwrap(), "casbin looks ten steps far by now");
    // The loader refuses such a chain, and the judge would heed the deny all the same.
    let copy = Copy::of_sample();
    copy.append("policy.csv", &chain(10));
    assert!(copy.load().0.is_none());
    let subjects: HashSet<String> = (0..=20).map(|step| format!("role:r{step}")).collect();
    let rules = [rule("NO-01", "role:r20", Effect::Deny), rule("OK-01", "role:r0", Effect::Allow)];
    let verdict = ask(&Judge::default(), subjects, &rules);
    assert_eq!((verdict.allowed, verdict.allows, verdict.denies), (false, vec![1], vec![0]));
}

#[test]
fn the_order_of_rules_does_not_turn_a_deny_round() {
    // casbin's effect stream, told of an allow after its deny, takes the deny back; the enforcer must stop in time.
    let expression = "some(where (p_eft == allow)) && !some(where (p_eft == deny))";
    let mut stream = DefaultEffector.new_stream(expression, 3);
    assert!(stream.push_effect(EffectKind::Deny));
    stream.push_effect(EffectKind::Allow);
    assert!(stream.next(), "casbin keeps a deny by now");
    let recorder = Recorder { effects: Arc::default() };
    let mut stream = recorder.new_stream(expression, 3);
    for effect in [EffectKind::Deny, EffectKind::Allow, EffectKind::Allow] {
        stream.push_effect(effect);
    }
    assert!(!stream.next());
    assert_eq!(recorder.effects.lock().len(), 3);
}

#[test]
fn a_model_with_priorities_is_refused() {
    // Numeric priorities: the rule with priority 1 should win; casbin takes the first line.
    let by_priority = model::FIXED
        .replace("p = id, sub", "p = priority, id, sub")
        .replace("e = some(where (p.eft == allow)) && !some(where (p.eft == deny))", "e = priority(p.eft) || deny");
    let policy = "p, 2, OK-01, user:bob, any, tag:pii, clear, always, allow\np, 1, NO-01, user:bob, any, tag:pii, clear, always, deny";
    let request = ["user:bob", "any", "tag:pii", "clear", "2026-11-23;eu"].map(str::to_owned).to_vec();
    assert!(stock(&by_priority, policy).enforce(request.clone()).unwrap(), "casbin heeds priorities by now");
    let by_subject = model::FIXED.replace(
        "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))",
        "e = subjectPriority(p.eft) || deny",
    );
    let panics = catch_unwind(|| {
        let policy = "p, OK-01, user:bob, any, tag:pii, clear, always, allow";
        stock(&by_subject, policy).enforce(["user:bob", "any", "tag:pii", "clear", "x"].map(str::to_owned).to_vec())
    });
    assert!(panics.is_err(), "casbin knows subjectPriority by now");
    for model in [by_priority, by_subject] {
        let copy = Copy::of_sample();
        copy.write("model.conf", model);
        assert!(texts(&copy.load().1)[0].starts_with("model.conf:"));
        assert!(copy.load().0.is_none());
    }
}

#[test]
fn no_pattern_and_no_script_is_evaluated() {
    assert!(catch_unwind(|| key_match("\u{e9}", "a*")).is_err(), "keyMatch panics inside a letter of two bytes");
    assert!(key_match("tag:pii_of_nobody", "tag:pii*"), "keyMatch matches more than what is below a tag");
    assert!(regex_match("xpii.emailx", "pii"), "regexMatch is not anchored");
    let scripted = model::FIXED.replace("cond(p.cond, r.env)", "eval(p.cond)");
    let policy = "p, OK-01, user:bob, any, tag:pii, clear, 40 + 2 == 42, allow";
    let request = ["user:bob", "any", "tag:pii", "clear", "x"].map(str::to_owned).to_vec();
    assert!(stock(&scripted, policy).enforce(request).unwrap(), "eval runs what stands in a rule");
    for (from, to) in [
        ("g2(r.tag, p.tag)", "keyMatch(r.tag, p.tag)"),
        ("g2(r.tag, p.tag)", "regexMatch(r.tag, p.tag)"),
        ("cond(p.cond, r.env)", "eval(p.cond)"),
    ] {
        let copy = Copy::of_sample();
        copy.replace("model.conf", from, to);
        assert!(copy.load().0.is_none(), "{to}");
    }
    for condition in ["true", "1 == 1", "r.env", "loop {}", ".*"] {
        let copy = Copy::of_sample();
        copy.append("policy.csv", &format!("p, XX-01, role:everyone, purpose:any, tag:pii, clear, {condition}, allow"));
        assert!(copy.load().0.is_none(), "{condition}");
    }
    // A pattern in a rule is a name like any other.
    assert_eq!(treatment_match("hash".into(), "ha*".into()).as_bool(), Ok(false));
    assert_eq!(condition_holds("true".into(), "2026-11-23;eu".into()).as_bool(), Ok(false));
}

#[test]
fn a_data_centre_cannot_be_named_so_that_it_changes_the_day() {
    let env = env_text("eu;2000-01-01", parse_date("2026-11-23").unwrap());
    assert_eq!(condition_holds("until=2026-11-22".into(), env.as_str().into()).as_bool(), Ok(false));
    assert_eq!(condition_holds("dc=eu".into(), env.as_str().into()).as_bool(), Ok(false));
}

#[test]
fn an_enforcer_that_was_cleared_by_a_failed_load_is_never_asked() {
    // casbin's load_policy clears first and fails after; what is left denies everything, or with a model that allows by
    // default, nothing.
    let mut enforcer = stock(model::FIXED, "p, OK-01, user:bob, any, tag:pii, clear, always, allow");
    let request = || ["user:bob", "any", "tag:pii", "clear", "2026-11-23;eu"].map(str::to_owned).to_vec();
    assert!(enforcer.enforce(request()).unwrap());
    let broken = StringAdapter::new("p, too, short".to_owned());
    let _ = enforcer.set_adapter(broken).now_or_never().unwrap();
    assert!(!matches!(enforcer.enforce(request()), Ok(true)), "casbin keeps the old rules by now");
    // We never load into an enforcer in use: a bad folder gives no set, and the store keeps the old one.
    let copy = Copy::of_sample();
    let store = crate::PolicyStore::open(copy.dir.path()).unwrap();
    copy.append("policy.csv", "p, too, short");
    let decision = decide(&store.current(), "bob/fraud/eu", RIDERS, &world(RIDERS));
    assert!(matches!(decision.access, TableAccess::Visible { .. }));
}

#[test]
fn answers_are_kept_by_the_whole_question_and_not_by_a_hash_of_it() {
    let copy = Copy::of_sample();
    let set = copy.good();
    let email = |who: &crate::Asker| {
        let decision = set.decide(who, &RIDERS.parse().unwrap(), &world(RIDERS));
        match &decision.access {
            TableAccess::Visible { columns, .. } => columns[2].shown.clone(),
            TableAccess::Withheld(withheld) => Shown::Withheld(withheld.clone()),
            TableAccess::Hidden => Shown::Hidden,
        }
    };
    let bob = asker("bob/fraud/eu");
    let mut other_purpose = bob.clone();
    other_purpose.purpose = "analytics".to_owned();
    let mut other_dc = bob.clone();
    other_dc.env.dc = "us".to_owned();
    let mut more_roles = bob.clone();
    more_roles.principal.roles.insert("contractor".to_owned());
    let mut other_name = bob.clone();
    other_name.principal.name = "bobby".to_owned();
    for _ in 0..2 {
        assert_eq!(email(&bob), Shown::Treated(Treatment::Clear));
        assert_eq!(email(&other_purpose), Shown::Treated(Treatment::Null));
        assert_eq!(email(&other_dc), Shown::Treated(Treatment::Hash));
        assert_eq!(email(&more_roles), Shown::Treated(Treatment::Hash));
        assert!(matches!(email(&other_name), Shown::Withheld(_)));
    }
    let ada = |today: &str| {
        let mut ada = asker("ada/audit/eu");
        ada.env.today = parse_date(today).unwrap();
        set.decide(&ada, &"presto.finance.payments".parse().unwrap(), &world("presto.finance.payments"))
    };
    for _ in 0..2 {
        assert!(matches!(ada("2027-06-30").access, TableAccess::Visible { .. }));
        assert!(matches!(ada("2027-07-01").access, TableAccess::Withheld(_)));
    }
}

#[test]
fn an_error_inside_casbin_denies() {
    let subjects = || HashSet::from(["role:r0".to_owned()]);
    let judge = Judge::default();
    let allow = [rule("OK-01", "role:r0", Effect::Allow)];
    assert!(ask(&judge, subjects(), &allow).allowed);
    // Two rules alike in all fields are one rule to casbin, so that it could not be told which of them matched.
    let twice = [rule("OK-01", "role:r0", Effect::Allow), rule("OK-01", "role:r0", Effect::Allow)];
    assert!(!ask(&judge, subjects(), &twice).allowed);
    assert!(ask(&judge, subjects(), &allow).allowed);
}

#[test]
fn no_rule_is_no() {
    assert!(!ask(&Judge::default(), HashSet::new(), &[]).allowed);
}

fn rule(id: &str, subject: &str, effect: Effect) -> Rule {
    Rule {
        id: id.to_owned(),
        subject: subject.to_owned(),
        purpose: "purpose:any".to_owned(),
        tag: "tag:pii".to_owned(),
        shows: Shows::Column(Treatment::Clear),
        condition: crate::condition::Condition::Always,
        effect,
        line: 1,
    }
}

fn ask(judge: &Judge, subjects: HashSet<String>, rules: &[Rule]) -> super::Verdict {
    let who = Standpoint {
        subject: "user:bob".to_owned(),
        subjects: Arc::new(subjects),
        purpose: "purpose:fraud".to_owned(),
        purposes: Arc::new(HashSet::from(["purpose:any".to_owned()])),
        env: env_text("eu", parse_date("2026-11-23").unwrap()),
    };
    let tags = Arc::new(HashSet::from(["tag:pii".to_owned()]));
    let numbered: Vec<(usize, &Rule)> = rules.iter().enumerate().collect();
    judge.ask(&who, "tag:pii.email", &tags, "clear", &numbered)
}
