/** This package's version, the same as in `package.json`. */
export const version = "0.2.0"

/** The version of all JSON that the package writes; see `SyncEventJson`. */
export const schemaVersion = 1
