/**
 * The names of our entries in the staging folder, and their meaning.
 */
/** Begins the names of our own entries in `.remote-plugin-install-staging`; Codex uses other names. */
export const prefix = "codex-plugins-"

/** Stands while the identity of a plugin is being changed; see `PluginStore`. */
export const doubtPrefix = `${prefix}in-doubt-`

/** Tells waiting processes who holds the lock; see `CacheLock`. */
export const lockHolderName = `${prefix}lock-holder`

/** Begins the name of the file that shows that a process still runs; see `liveness`. */
export const ownerPrefix = `${prefix}owner-`

/** Begins the name of the file that keeps a version for its holder; see `leases`. */
export const leasePrefix = `${prefix}lease-`

/** Begins the name of the folder that keeps a plugin for the process that installs it; see `claims`. */
export const claimPrefix = `${prefix}claim-`

/** Begins the name of a folder in which a process stages files. The owner's name follows. */
export const stagePrefix = `${prefix}stage-`

const owned = [ownerPrefix, leasePrefix, claimPrefix, stagePrefix]

/** The owner that an entry names; undefined for an entry without one. */
export const ownerOf = (name: string): string | undefined => {
  const kind = owned.find((prefix) => name.startsWith(prefix))
  return kind === undefined ? undefined : name.slice(kind.length).split("-")[0]
}
