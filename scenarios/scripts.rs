//! What the tests of the scripts share: reading them, and who runs them.

use std::path::Path;
use std::sync::Arc;

use deadzone_client::ReferenceClient;
use deadzone_contract::Client;
use deadzone_script::Script;
use deadzone_server::ReferenceServer;
use deadzone_world::Lineup;

/// The scripts of some folders beside this file, by name, each with its name and its text.
pub(crate) fn scripts_in(folders: &[&str]) -> Vec<(String, String, Script)> {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut scripts: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(scenarios.join(folder)).expect("a folder of scenarios"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scn"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let name = path.file_stem().expect("it ends in .scn").to_string_lossy().into_owned();
            let script = deadzone_script::parse(&text)
                .unwrap_or_else(|errors| panic!("{}", errors.render(&name, false)));
            (name, text, script)
        })
        .collect();
    scripts.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    scripts
}

/// A client and the reference server, under the model that a script is about.
pub(crate) fn lineup(client: impl Client + 'static, script: &Script) -> Lineup {
    let model = script.model().unwrap_or_default();
    let server = Arc::new(ReferenceServer::default().in_model(model));
    Lineup { client: Arc::new(client), server, model, defect: None }
}

/// The reference client and server.
pub(crate) fn reference(script: &Script) -> Lineup {
    lineup(ReferenceClient::default().in_model(script.model().unwrap_or_default()), script)
}
