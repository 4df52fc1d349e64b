/** What our own entries below `.remote-plugin-install-staging` begin with; Codex uses other names there. */
export const prefix = "codex-plugins-"

/** Stands while the identity of a plugin is being changed; see `PluginStore`. */
export const doubtPrefix = `${prefix}in-doubt-`

/** Tells waiting processes who holds the lock; see `CacheLock`. */
export const lockHolderName = `${prefix}lock-holder`
