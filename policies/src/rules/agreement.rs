//! We hand casbin a few rules at a time; over all rules at once it must say the same.

use casbin::function_map::OperatorFunction;
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use futures::FutureExt;

use super::{condition_holds, env_text, row_of, treatment_match};
use crate::fixtures::{asker, sample};
use crate::{PolicySet, model};

/// casbin with all rules of the policy and with its own role graph.
fn stock(set: &PolicySet, policy: &str) -> Enforcer {
    let model = DefaultModel::from_str(model::FIXED).now_or_never().unwrap().unwrap();
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).now_or_never().unwrap().unwrap();
    enforcer.add_function("treatmentMatch", OperatorFunction::Arg2(treatment_match));
    enforcer.add_function("cond", OperatorFunction::Arg2(condition_holds));
    let rules = set.book.rules.iter().map(row_of).collect();
    assert!(enforcer.add_policies(rules).now_or_never().unwrap().unwrap());
    for line in policy.lines().filter(|line| line.starts_with('g')) {
        let fields: Vec<String> = line.split(',').map(|field| field.trim().to_owned()).collect();
        let (kind, link) = fields.split_first().unwrap();
        assert!(enforcer.add_named_grouping_policy(kind, link.to_vec()).now_or_never().unwrap().unwrap());
    }
    enforcer
}

#[test]
fn casbin_over_all_rules_says_the_same_as_over_those_we_pick() {
    let set = sample();
    let policy = std::fs::read_to_string(crate::fixtures::sample_dir().join("policy.csv")).unwrap();
    let stock = stock(&set, &policy);
    let mut shows: Vec<String> = set.class.treatments.iter().map(|treatment| treatment.name().to_owned()).collect();
    shows.extend(set.class.row_rules.iter().map(|rule| format!("rows:{}", rule.name)));
    let mut n_allowed = 0;
    for name in ["bob", "carl", "ada", "zoe"] {
        for purpose in ["fraud", "analytics", "audit"] {
            for dc in ["eu", "us"] {
                let who = asker(&format!("{name}/{purpose}/{dc}"));
                let compiled = set.compiled(&who);
                for tag in set.class.carried_tags() {
                    let tag = format!("tag:{tag}");
                    let question = compiled.about(&set, &tag);
                    for shows in &shows {
                        let env = env_text(dc, who.env.today);
                        let request =
                            vec![format!("user:{name}"), format!("purpose:{purpose}"), tag.clone(), shows.clone(), env];
                        let verdict = question.ask(shows);
                        assert_eq!(
                            stock.enforce(request).unwrap(),
                            verdict.allowed,
                            "{name} {purpose} {dc} {tag} {shows}"
                        );
                        n_allowed += usize::from(verdict.allowed);
                    }
                }
            }
        }
    }
    assert!(n_allowed > 50, "{n_allowed}");
}
