//! Messages of trainings apart from their steps: errors that did not end them, and how ranks sum.

/// How several processes sum, where it is not by MPI.
pub const OVER_GPUS: &str = "gradients are summed over the GPUs of all ranks, by NCCL";

/// The GPU's solver is unavailable; the CPU takes over.
pub fn solver_refused(why: &str) -> String {
    format!("the GPU's eigenvalue solver is unavailable, falling back to the CPU: {why}")
}

/// An example that no step will see.
pub fn left_out(name: &str, why: &str, count: usize) -> String {
    format!("{name} cannot be read and is left out, {count} so far: {why}")
}

/// A step that changed nothing.
pub fn skipped(step: u64, images: &[String]) -> String {
    if images.is_empty() {
        return format!("step {step}: none of its examples can be read; nothing was changed");
    }
    let images = images.join(", ");
    format!("step {step}, {images}: numbers that are not finite; nothing was changed")
}

/// A damaged checkpoint is skipped; the training resumes from the one before it.
pub fn skipped_checkpoint(damage: &str) -> String {
    format!("{damage}; it is skipped: resuming from the previous checkpoint")
}

/// A training that was killed before its first checkpoint.
pub const NO_CHECKPOINT_YET: &str =
    "--resume: the training was stopped before its first checkpoint: starting from the first step";

/// A training resumes with other examples than it began with.
pub fn changed_data(changed: &str) -> String {
    format!(
        "--changed-data: resuming with {changed}; from here on the steps are not those of an undisturbed run"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_with_their_reasons() {
        let line = left_out("12003", "a.jpg: cut short", 2);
        assert_eq!(
            line,
            "12003 cannot be read and is left out, 2 so far: a.jpg: cut short"
        );
        assert!(skipped(4, &["a".into(), "b".into()]).starts_with("step 4, a, b: "));
        assert!(skipped(4, &[]).contains("none of its examples"));
    }
}
