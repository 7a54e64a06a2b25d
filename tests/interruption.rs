//! What kills leave behind.

use kanshiki_testkit::{Torture, kanshiki_path, tempdir};

#[test]
fn two_hundred_kills_at_random_points_leave_nothing_that_differs_from_an_undisturbed_run() {
    let folder = tempdir();
    // The seed differs from run to run, and is told when something came out wrong.
    let seed = u64::from(std::process::id());
    let torture = Torture {
        program: kanshiki_path().clone(),
        folder: folder.path().to_path_buf(),
        seed,
        kills: 200,
        bytes: (24 << 20) + 512,
    };

    let result = torture.run(&mut |_| ());

    assert_eq!(result.wrong, Vec::<String>::new(), "`cargo xtask torture --seed {seed} --size 24` does it again");
    assert!(result.kills >= 200);
}
