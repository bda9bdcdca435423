//! CPU affinity: all functions on one CPU, the driver on another.

use std::{io, str::FromStr};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// Where functions and driver run.
#[derive(Clone, Copy)]
pub(crate) enum Cpus {
    /// The functions on the first, the driver on the second.
    Pinned(usize, usize),
    /// Wherever the scheduler puts them.
    Free(CpuSet),
}

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "free" {
            return sched_getaffinity(Pid::from_raw(0)).map(Self::Free).map_err(|error| error.to_string());
        }
        let pair = text
            .split_once(',')
            .and_then(|(function, driver)| Some(Self::Pinned(function.parse().ok()?, driver.parse().ok()?)));
        pair.ok_or_else(|| "two CPUs such as 1,0 (functions, driver), or free".to_owned())
    }
}

impl Cpus {
    /// Moves this thread, and what it starts, to where functions run.
    pub(crate) fn function(self) -> io::Result<()> {
        match self {
            Self::Pinned(function, _) => pin(function),
            Self::Free(_) => Ok(()),
        }
    }

    /// Moves this thread to where the driver runs.
    pub(crate) fn driver(self) -> io::Result<()> {
        match self {
            Self::Pinned(_, driver) => pin(driver),
            Self::Free(all) => Ok(sched_setaffinity(Pid::from_raw(0), &all)?),
        }
    }
}

fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}
