//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use deadzone_contract::parameters::{PARAMETERS, Unit};
use deadzone_contract::wire::Role;
use deadzone_contract::{Model, Parameters};
use deadzone_server::{DEFECTS, Defect, defect};

/// The reference server of the sync contract, over an SQLite file.
#[derive(Debug, Parser)]
#[command(name = "fake-server", version, after_help = after_help())]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// The database; it is made when it does not exist
    #[arg(long, value_name = "FILE", default_value = "fake-server.db")]
    pub(crate) db: PathBuf,

    /// A user; repeat for more
    #[arg(long = "user", value_name = "NAME:PASSWORD", value_parser = user)]
    pub(crate) users: Vec<(String, String)>,

    /// A role (viewer, editor or admin) of a user in a workspace; repeat for more
    #[arg(long = "grant", value_name = "WORKSPACE:USER:ROLE", value_parser = grant)]
    pub(crate) grants: Vec<(String, String, Role)>,

    /// What an operator shows instead of an access token to change members; nobody can without
    #[arg(long, value_name = "TOKEN", default_value = "")]
    pub(crate) operator_token: String,

    /// A parameter of the contract, such as access_life=30s; repeat for more
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(&'static str, u64)>,

    /// How it syncs: A, a server with the last word, or B, two-way
    #[arg(long, value_name = "MODEL", default_value = "B", value_parser = model)]
    pub(crate) model: Model,

    /// A mistake to make on purpose
    #[arg(long, value_name = "NAME", value_parser = known_defect)]
    pub(crate) defect: Option<&'static Defect>,
}

impl Args {
    /// The contract's numbers with the settings in them.
    pub(crate) fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, value) in &self.settings {
            parameters.set(name, *value).expect("checked when it was parsed");
        }
        parameters
    }
}

fn after_help() -> String {
    let mut help = String::from("Parameters for --set:\n");
    for parameter in PARAMETERS {
        help.push_str(&format!("  {:<18} {}\n", parameter.name, parameter.about));
    }
    help.push_str("\nMistakes for --defect:\n");
    for defect in DEFECTS {
        help.push_str(&format!("  {:<38} {}\n", defect.name, defect.mistake));
    }
    help.push_str("\nExit status: 0 interrupted, 3 the address or the database cannot be used, 64 usage.");
    help
}

fn user(argument: &str) -> Result<(String, String), String> {
    match argument.split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => {
            Ok((name.to_owned(), password.to_owned()))
        }
        _ => Err("write NAME:PASSWORD, such as ana:secret".to_owned()),
    }
}

fn grant(argument: &str) -> Result<(String, String, Role), String> {
    let parts: Vec<&str> = argument.split(':').collect();
    let [workspace, user, role] = parts[..] else {
        return Err("write WORKSPACE:USER:ROLE, such as home:ana:editor".to_owned());
    };
    let role = match role {
        "viewer" => Role::Viewer,
        "editor" => Role::Editor,
        "admin" => Role::Admin,
        other => return Err(format!("`{other}` is not a role; there are viewer, editor and admin")),
    };
    Ok((workspace.to_owned(), user.to_owned(), role))
}

fn model(argument: &str) -> Result<Model, String> {
    match argument {
        "A" => Ok(Model::A),
        "B" => Ok(Model::B),
        other => Err(format!("`{other}` is not a model; there are A and B")),
    }
}

fn setting(argument: &str) -> Result<(&'static str, u64), String> {
    let (name, value) = argument.split_once('=').ok_or("write NAME=VALUE, such as push_max=50")?;
    let decl = PARAMETERS
        .iter()
        .find(|decl| decl.name == name)
        .ok_or_else(|| format!("there is no parameter `{name}`; --help lists them"))?;
    let number = match decl.unit {
        Unit::Count => value.parse().ok(),
        Unit::Time => time_ms(value),
    };
    let number = number.ok_or_else(|| format!("`{name}` is {}, not `{value}`", decl.unit))?;
    Parameters::default().set(name, number).map_err(|error| error.to_string())?;
    Ok((decl.name, number))
}

/// A time such as `30s` in ms.
fn time_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

fn known_defect(argument: &str) -> Result<&'static Defect, String> {
    defect(argument).ok_or_else(|| "there is no such defect; --help lists them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_users_grants_and_parameters() {
        let args = Args::try_parse_from([
            "fake-server",
            "--user=ana:se:cret",
            "--grant=home:ana:editor",
            "--set=access_life=2m",
            "--set=push_max=7",
            "--model=A",
            "--defect=base-version-ignored",
        ])
        .expect("all of it is right");
        assert_eq!(args.users, [("ana".to_owned(), "se:cret".to_owned())]);
        assert_eq!(args.grants, [("home".to_owned(), "ana".to_owned(), Role::Editor)]);
        assert_eq!((args.parameters().access_life, args.parameters().push_max), (120_000, 7));
        assert_eq!(args.model, Model::A);
        assert_eq!(args.defect.map(|d| d.name), Some("base-version-ignored"));
    }

    #[test]
    fn each_wrong_argument_is_told_in_one_sentence() {
        for (argument, expect) in [
            ("--user=ana", "write NAME:PASSWORD"),
            ("--grant=home:ana", "write WORKSPACE:USER:ROLE"),
            ("--grant=home:ana:king", "`king` is not a role"),
            ("--set=push_max", "write NAME=VALUE"),
            ("--set=push_min=1", "there is no parameter `push_min`"),
            ("--set=push_max=0", "`push_max` is at least 1"),
            ("--set=push_max=-1", "`push_max` is a whole number, not `-1`"),
            ("--set=access_life=30", "`access_life` is a time such as"),
            ("--set=access_life=99999999999999999d", "`access_life` is a time such as"),
            ("--model=C", "`C` is not a model; there are A and B"),
            ("--defect=none", "there is no such defect"),
            ("--listen=somewhere", "invalid socket address"),
        ] {
            let error = Args::try_parse_from(["fake-server", argument]).expect_err(argument).to_string();
            assert!(error.contains(expect), "{argument}: {error}");
        }
    }
}
