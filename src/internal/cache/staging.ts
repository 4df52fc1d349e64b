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
