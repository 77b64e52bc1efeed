//! Installs what the tests need, by package name.

use std::path::Path;

use crate::shell;

/// Programs and the Debian packages that bring them: what runs the real clients and peers, and the
/// C++ compiler that libFuzzer is built with.
const DEBIAN: [(&str, &str); 9] = [
    ("c++", "g++"),
    ("chromium", "chromium"),
    ("ffmpeg", "ffmpeg"),
    ("openssl", "openssl"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("valgrind", "valgrind"),
    ("node", "nodejs"),
    ("npm", "npm"),
];

/// Everything.
pub(crate) fn all() -> Result<(), String> {
    debian()?;
    npm()?;
    python()
}

/// Debian packages that are missing.
pub(crate) fn debian() -> Result<(), String> {
    let missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(program, _)| !shell::has(program))
        .map(|(_, package)| *package)
        .chain(
            // Debian's python3 comes without what makes virtual environments.
            shell::output("python3", &["-c", "import ensurepip"])
                .is_none()
                .then_some("python3-venv"),
        )
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("setup: installing {}", missing.join(" "));
    if !shell::has("apt-get") {
        return Err(format!(
            "please install {} with your package manager",
            missing.join(", ")
        ));
    }
    let root = shell::output("id", &["-u"]).is_some_and(|id| id == "0");
    let sudo = if root || !shell::has("sudo") {
        ""
    } else {
        "sudo "
    };
    let install = format!(
        "{sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends {} >&2",
        missing.join(" ")
    );
    shell::run("sh", &["-c", &format!("{sudo}apt-get update -qq >&2")])?;
    // Unpacking is known to fail once on a cold machine; the second try finds the files in place.
    shell::run("sh", &["-c", &install])
        .or_else(|_| {
            shell::run(
                "sh",
                &["-c", &format!("{sudo}apt-get -f install -y >&2; {install}")],
            )
        })
        .map_err(|error| format!("{error}; as root, `{install}` does it by hand"))
}

/// The packages of `interop/js`.
pub(crate) fn npm() -> Result<(), String> {
    let dir = Path::new("interop/js");
    if !dir.join("package.json").exists() {
        return Ok(());
    }
    let stamp = dir.join("node_modules/.package-lock.json");
    if newer(&stamp, &dir.join("package-lock.json")) {
        return Ok(());
    }
    println!("setup: npm packages of {}", dir.display());
    shell::run(
        "npm",
        &["--prefix", "interop/js", "ci", "--no-audit", "--no-fund"],
    )
}

/// A virtual environment with the packages of `interop/py`.
pub(crate) fn python() -> Result<(), String> {
    let requirements = Path::new("interop/py/requirements.txt");
    if !requirements.exists() {
        return Ok(());
    }
    let stamp = Path::new("target/venv/.installed");
    if newer(stamp, requirements) {
        return Ok(());
    }
    println!("setup: Python packages of interop/py");
    shell::run("python3", &["-m", "venv", "target/venv"])?;
    shell::run(
        "target/venv/bin/pip",
        &[
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "interop/py/requirements.txt",
        ],
    )?;
    std::fs::write(stamp, "").map_err(|e| format!("cannot write {}: {e}", stamp.display()))
}

fn newer(stamp: &Path, source: &Path) -> bool {
    let time = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    matches!((time(stamp), time(source)), (Some(stamp), Some(source)) if stamp >= source)
}
