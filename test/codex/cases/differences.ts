/**
 * The deliberate differences from released Codex, with reasons. `docs/differences.md` shows this list.
 */

export interface Difference {
  readonly codex: string
  readonly here: string
  readonly why: string
}

export const differences = {
  // --- identities
  "unsupported schema": {
    codex: "overwrites a sidecar whose schema version it does not know",
    here: "keeps it and fails that plugin with `UnsupportedSchemaVersion`",
    why: "the program that wrote it can still use it"
  },
  "other identity": {
    codex: "relabels a current version that carries another plugin's id",
    here: "reinstalls the plugin",
    why: "the files may belong to the other plugin"
  },
  "unreadable sidecar": {
    codex: "overwrites a sidecar that is corrupt, blank or a link; fails if it is a folder",
    here: "reinstalls the plugin",
    why: "nothing proves which plugin the files belong to"
  },
  "identical sidecar": {
    codex: "rewrites the sidecar in each pass and each install",
    here: "leaves a correct sidecar alone, whatever its mode",
    why: "watchers and backups see a change only if there is one"
  },

  // --- the cache
  "broken version": {
    codex: "accepts as current a version folder that is empty or has no manifest",
    here: "reinstalls the plugin",
    why: "it would stay broken until the next release"
  },
  "superseded versions": {
    codex: "deletes all other versions when it installs one, and at no other time",
    here: "keeps them for a grace period (24 h; `--retain 0` for none), then deletes them in any pass",
    why: "running sessions may still use their files"
  },
  "files beside a version": {
    codex: "deletes whatever is beside a version when it reinstalls that version",
    here: "deletes nothing but versions",
    why: "other files are not ours"
  },
  "files and links in the way": {
    codex:
      "installs and cleans through links to folders; fails if a plugin's path is a file or a dangling link; 0.142 ends the pass if a marketplace's path is a file",
    here: "replaces a file or link at a plugin's path; neither follows nor replaces one at a marketplace's path",
    why: "a link in the cache would lead out of it"
  },
  "places that cannot be used": {
    codex: "if the cache or its staging folder is a file, fails each plugin and cleans up the rest",
    here: "ends the pass",
    why: "no plugin can be installed before that is fixed"
  },
  "modes of folders": {
    codex: "creates folders with mode 0777 less the umask, and base roots with any mode",
    here: "creates folders with mode 0755",
    why: "the cache does not depend on the umask of a shell, image build or cron job"
  },

  // --- archives
  "damaged gzip": {
    codex:
      "accepts a gzip member with a wrong checksum or length, without a trailer, or with data after it",
    here: "rejects it",
    why: "the file is not what was sent"
  },
  "plain tar": {
    codex: "rejects an entry for the root (`./`) and global PAX headers",
    here: "accepts them",
    why: "plain `tar czf` and `git archive` produce them"
  },
  "ambiguous names": {
    codex:
      "accepts duplicate names, names that differ only in case or Unicode form, and names with backslashes, drive letters, control characters or invalid UTF-8; writes an app manifest to a path with a backslash or colon",
    here: "rejects such a bundle; writes the app manifest to `.app.json`",
    why: "other systems map them to other files or to none, and one can hide the other"
  },
  "archive limits": {
    codex: "limits neither entries nor depth nor headers",
    here: "accepts up to 50,000 entries, 128 path components, 1 MiB per extended header, 256 PAX records per entry, 2 MiB between two entries",
    why: "a small bundle could keep a machine busy for minutes"
  },
  "larger bundles": {
    codex: "0.142 accepts bundles of up to 50 MiB packed and 250 MiB unpacked",
    here: "accepts up to 100 MiB and 512 MiB, as 0.169 does",
    why: "the newer release installs them"
  },
  "unclear tar": {
    codex:
      "ignores header fields that are not numbers, invalid PAX records, and whatever follows a single block of zeros; prefers a GNU name to a PAX path; accepts content for a folder, and the map of a sparse file as its content",
    here: "rejects them",
    why: "tar readers disagree about them"
  },
  "as POSIX has it": {
    codex:
      "rejects contiguous files and two PAX headers for one entry; makes a file of a name that ends in a slash, and mode 0644 of a blank mode",
    here: "accepts the first two, makes a folder, and reads a blank mode as 0",
    why: "POSIX and other tar readers do the same"
  },

  // --- manifests
  "places of manifests": {
    codex: "0.142 knows neither the agent manifest at the root nor `.cursor-plugin`",
    here: "looks where 0.169 does",
    why: "0.169 is the newest tested release"
  },
  "folder for a manifest": {
    codex: "0.169 rejects a bundle with a folder at a manifest's path",
    here: "looks at the next path, as 0.142 does",
    why: "a folder is no manifest"
  },
  "links to manifests": {
    codex: "0.142 installs a folder whose manifest is a link, without the manifest",
    here: "rejects it, as 0.169 does",
    why: "nothing could load it"
  },
  "set-uid bits": {
    codex: "copies the set-uid and set-gid bits of a local plugin's files",
    here: "clears them",
    why: "the copy may belong to another user than the original"
  },
  "manifests without a name": {
    codex: "names a local plugin after its folder",
    here: "rejects a manifest without a name",
    why: "in the cache, the folder is named after the version"
  },
  "manifests as JSON": {
    codex:
      "accepts an array of a manifest's values; rejects a manifest or row with a duplicate key",
    here: "rejects the array; uses the last value of a duplicate key",
    why: "JSON readers do the same"
  },
  "root for a file": {
    codex:
      "0.142 reads `apps` as `.app.json` if it is `././x`; 0.169 rejects the bundle if it is `./.`",
    here: "reads `././x` as `x`, as 0.169 does, and `./.` as `.app.json`, as 0.142 does",
    why: "a path with a plain meaning is no reason to fail"
  },

  "skills of commands": {
    codex: "0.142 makes no skills from a plugin's commands",
    here: "writes them to `.codex-plugin/migrated-command-skills`, as 0.169 does",
    why: "0.169 expects them in a version that it finds in the cache"
  },
  "front matter": {
    codex:
      "parses a command's front matter with all of YAML's tags, reserved characters and fractions, but without merges",
    here: "reads tags and reserved characters as text, `1.0` as `1`, and applies merges",
    why: "a description is plain text, and no skill is lost"
  },

  // --- the backend
  "rows that cannot be named": {
    codex:
      "ends the pass, sometimes half-way; 0.142 skips a name that it rejects, and still removes stale plugins",
    here: "processes all other rows, and removes nothing",
    why: "one invalid row should stop no other plugin, and it may be any plugin"
  },
  "fields that are not used": {
    codex: "ends the pass if any field of a row is missing or has an unknown value",
    here: "needs only the fields it uses: id, name, scope, discoverability, release",
    why: "a new policy or status of the backend should stop nothing"
  },
  "dots in names": {
    codex: "0.142 rejects plugin names with dots",
    here: "accepts them, as 0.169 does",
    why: "0.169 is the newest tested release"
  },
  "names that differ in case": {
    codex: "installs plugins whose names differ only in case",
    here: "reports them as failed and changes nothing of that name",
    why: "on a case-insensitive disk they are one folder, which would get a wrong identity"
  },
  "rows of one plugin": {
    codex: "installs one after the other, or labels the files of the first with the id of the last",
    here: "installs the last one, and reports the others as failed",
    why: "the cache has room for one"
  },
  retries: {
    codex: "fails at once",
    here: "retries transient errors three times: connections, 408, 429 with `Retry-After`, 5xx; downloads a damaged bundle once more",
    why: "a short outage should not cost a session its plugins"
  },
  "downloads at once": {
    codex: "downloads one bundle at a time",
    here: "downloads several at once (`--concurrency`)",
    why: "most of the time is spent waiting"
  },
  "HTTP/2": {
    codex: "downloads over HTTP/2 if the host offers it",
    here: "downloads over HTTP/1.1, with at most 16 connections",
    why: "one HTTP/2 connection was [no faster](performance.md#http2)"
  },
  "plain HTTP": {
    codex: "follows redirects over plain HTTP that end in HTTPS",
    here: "sends nothing over plain HTTP",
    why: "anyone on the path could answer instead"
  },
  "credentials in URLs": {
    codex: "sends credentials that are part of a bundle's URL",
    here: "rejects such a URL",
    why: "the backend signs its URLs and does not need them"
  },
  "redirects of calls": {
    codex: "follows redirects of calls to the backend",
    here: "does not follow them",
    why: "the token is for the backend alone"
  },
  "pages without an end": {
    codex: "0.142 never stops reading a listing whose pages repeat",
    here: "ends the pass, as 0.169 does",
    why: "a pass must end"
  },
  "no tokens": {
    codex:
      "does nothing, silently, without credentials; if `auth.json` names ChatGPT but has no tokens, calls the backend without a token and trusts the answer",
    here: "fails with `NotSignedIn` and does nothing",
    why: "an anonymous answer says nothing about the account"
  },
  "time of renewal": {
    codex: "does not use tokens if `auth.json` does not say when they were refreshed",
    here: "uses them",
    why: "the backend decides whether they are valid"
  }
} as const satisfies Readonly<Record<string, Difference>>

export type Reason = keyof typeof differences

const cell = (text: string): string => text.replaceAll("|", "\\|")

/** The table in `docs/differences.md`. */
export const markdown: string = [
  "| Codex | here | why |",
  "| --- | --- | --- |",
  ...Object.values(differences).map(
    ({ codex, here, why }) => `| ${cell(codex)} | ${cell(here)} | ${cell(why)} |`
  )
].join("\n")
