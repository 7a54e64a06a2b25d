//! Which crate of the workspace may depend on which.

use kanshiki_testkit::{run, workspace_root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// The crates in their layers, the lowest first. A crate may depend on those of lower layers that are named beside it.
const LAYERS: &[(&str, &[&str])] = &[
    ("kanshiki-model", &[]),
    ("kanshiki-image", &["kanshiki-model"]),
    ("kanshiki-custody", &["kanshiki-model"]),
    ("kanshiki-filesystem", &["kanshiki-image", "kanshiki-model"]),
    ("kanshiki-inspect", &["kanshiki-image", "kanshiki-model"]),
    ("kanshiki-passwords", &[]),
    ("kanshiki-lists", &["kanshiki-model"]),
    ("kanshiki-rules", &["kanshiki-model"]),
    ("kanshiki-store", &["kanshiki-model"]),
    ("kanshiki-walk", &["kanshiki-filesystem", "kanshiki-image", "kanshiki-model"]),
    ("kanshiki-machine", &["kanshiki-walk", "kanshiki-filesystem", "kanshiki-image", "kanshiki-model"]),
    (
        "kanshiki-packages",
        &["kanshiki-machine", "kanshiki-walk", "kanshiki-filesystem", "kanshiki-image", "kanshiki-model"],
    ),
    ("kanshiki-acquire", &["kanshiki-image", "kanshiki-custody", "kanshiki-model"]),
    ("kanshiki-rescue", &["kanshiki-acquire", "kanshiki-model"]),
    ("kanshiki-extract", &["kanshiki-filesystem", "kanshiki-image", "kanshiki-custody", "kanshiki-model"]),
    (
        "kanshiki-browse",
        &["kanshiki-lists", "kanshiki-walk", "kanshiki-filesystem", "kanshiki-image", "kanshiki-model"],
    ),
    (
        "kanshiki-examine",
        &[
            "kanshiki-store",
            "kanshiki-machine",
            "kanshiki-walk",
            "kanshiki-filesystem",
            "kanshiki-image",
            "kanshiki-model",
        ],
    ),
    (
        "kanshiki-detect",
        &[
            "kanshiki-inspect",
            "kanshiki-store",
            "kanshiki-inspect",
            "kanshiki-passwords",
            "kanshiki-lists",
            "kanshiki-rules",
            "kanshiki-packages",
            "kanshiki-machine",
            "kanshiki-walk",
            "kanshiki-filesystem",
            "kanshiki-image",
            "kanshiki-model",
        ],
    ),
    (
        "kanshiki",
        &[
            "kanshiki-model",
            "kanshiki-image",
            "kanshiki-custody",
            "kanshiki-filesystem",
            "kanshiki-walk",
            "kanshiki-store",
            "kanshiki-examine",
            "kanshiki-inspect",
            "kanshiki-rules",
            "kanshiki-detect",
            "kanshiki-packages",
            "kanshiki-acquire",
            "kanshiki-rescue",
            "kanshiki-extract",
            "kanshiki-browse",
        ],
    ),
    // Beside the layers: no part of the program.
    ("kanshiki-testkit", &[]),
    ("xtask", &["kanshiki-testkit"]),
    ("kanshiki-tests", &["kanshiki-model", "kanshiki-image", "kanshiki-custody", "kanshiki-acquire", "kanshiki"]),
];

/// The crate that every other may use in its tests, and only there.
const TESTKIT: &str = "kanshiki-testkit";

#[test]
fn every_crate_depends_on_lower_layers_alone() {
    let mut wrong = Vec::new();
    for (package, dependencies) in workspace() {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package) else {
            wrong.push(format!("{package} stands in no layer"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let in_tests = kind == "dev" && dependency == TESTKIT;
            if !in_tests && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{package} must not depend on {dependency} ({kind})"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_crate_of_the_table_is_in_the_workspace() {
    let workspace = workspace();
    let missing: Vec<&str> =
        LAYERS.iter().map(|(name, _)| *name).filter(|name| !workspace.contains_key(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The crates of the workspace with the names and kinds of those among their dependencies that are of the workspace too.
fn workspace() -> BTreeMap<String, Vec<(String, String)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = run(Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(workspace_root()))
    .exits(0);
    let metadata: Value = serde_json::from_str(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let inside = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let named = dependencies.map(|it| (it["name"].as_str().unwrap(), it["kind"].as_str().unwrap_or("normal")));
        let inside = named.filter(|(name, _)| names.contains(name));
        inside.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), inside(package))).collect()
}
