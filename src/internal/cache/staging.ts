/**
 * The names of our entries in the staging folder, and their meaning.
 */
/** The prefix of our own entries in `.remote-plugin-install-staging`; Codex uses other names. */
export const prefix = "codex-plugins-"

/** A file that exists while the identity of a plugin is being changed; see `doubts`. */
export const doubtPrefix = `${prefix}in-doubt-`

/** The file that names the lock's holder to waiting processes; see `CacheLock`. */
export const lockHolderName = `${prefix}lock-holder`

/** The prefix of the file that shows that a process still runs; see `liveness`. */
export const ownerPrefix = `${prefix}owner-`

/** The prefix of the file that leases a version; see `leases`. */
export const leasePrefix = `${prefix}lease-`

/** The prefix of the folder that claims a plugin for the process that installs it; see `claims`. */
export const claimPrefix = `${prefix}claim-`

/** The prefix of a folder in which a process stages files. The owner's name follows. */
export const stagePrefix = `${prefix}stage-`

const owned = [ownerPrefix, leasePrefix, claimPrefix, stagePrefix]

/** The owner in the name of an entry; undefined for an entry without one. */
export const ownerOf = (name: string): string | undefined => {
  const kind = owned.find((prefix) => name.startsWith(prefix))
  return kind === undefined ? undefined : name.slice(kind.length).split("-")[0]
}
