/**
 * Where ours does otherwise than released Codex, and why. The README's table is this list.
 */

export interface Difference {
  readonly codex: string
  readonly here: string
  readonly why: string
}

export const differences = {
  // --- identities
  "unsupported schema": {
    codex: "overwrites a sidecar of a schema that it does not know",
    here: "leaves it and fails that plugin with `UnsupportedSchemaVersion`",
    why: "it is still good for the program that wrote it"
  },
  "other identity": {
    codex: "relabels a current version that carries another plugin's id",
    here: "installs it anew",
    why: "the bytes may be the other plugin's"
  },
  "unreadable sidecar": {
    codex: "overwrites a sidecar that is corrupt, blank or a link; fails at a folder in its place",
    here: "installs that plugin anew",
    why: "nobody knows whose bytes stand there"
  },
  "identical sidecar": {
    codex: "writes the sidecar anew at each pass and each install",
    here: "does not touch one whose bytes are right, whatever its mode",
    why: "what watches or backs up the cache sees changes only where there are some"
  },

  // --- the cache
  "broken version": {
    codex: "takes a version folder for current that is empty or has no manifest of the plugin",
    here: "installs it anew",
    why: "it would stay broken until the next release"
  },
  "superseded versions": {
    codex: "removes all other versions at an install, and none otherwise",
    here: "keeps them for a grace period (24 h; `--retain 0`: none), then removes them at any pass",
    why: "a running session may still use their files"
  },
  "files beside a version": {
    codex: "removes what stands beside a version when that version is put in place anew",
    here: "leaves all that is no version",
    why: "it is somebody else's"
  },
  "files and links in the way": {
    codex:
      "installs and cleans through links to folders; fails at a file or a dangling link in a plugin's place; 0.142 gives the pass up at a marketplace that is a file",
    here: "puts a plugin in the place of a file or link, and neither follows nor replaces a marketplace that is one",
    why: "a link in the cache would lead out of it"
  },
  "places that cannot be used": {
    codex:
      "fails each plugin alone where the cache or its staging folder is a file, and cleans the rest",
    here: "gives the pass up",
    why: "no plugin can be helped before that is put right"
  },
  "modes of folders": {
    codex: "makes folders of 0777 less the umask, in a base root of any mode",
    here: "makes folders of 0755",
    why: "the cache is the same whichever shell, image or cron line made it"
  },

  // --- archives
  "damaged gzip": {
    codex:
      "takes a gzip member whose checksum or length does not hold, whose trailer is missing, or that something follows",
    here: "refuses it",
    why: "what came is not what was sent"
  },
  "plain tar": {
    codex: "refuses an entry for the root (`./`) and global PAX headers",
    here: "takes them",
    why: "plain `tar czf` and `git archive` make them"
  },
  "ambiguous names": {
    codex:
      "takes names that come twice, that differ in case or Unicode form alone, or that have backslashes, drives, control characters or bytes that are not UTF-8; writes an app manifest to a path with a backslash or colon",
    here: "refuses such a bundle; writes the app manifest to `.app.json`",
    why: "they mean other files, or none, on other systems, and one hides the other"
  },
  "archive limits": {
    codex: "limits neither entries nor depth nor headers",
    here: "takes up to 50,000 entries, 128 parts in a path, 1 MiB in an extended header, 256 PAX records for an entry, 2 MiB between two entries",
    why: "a small bundle could keep a machine busy for minutes"
  },
  "larger bundles": {
    codex: "0.169 takes up to 100 MiB packed and 512 MiB unpacked",
    here: "takes up to 50 MiB and 250 MiB, as 0.142 does",
    why: "both releases take what is installed here"
  },
  "unclear tar": {
    codex:
      "passes over header fields that are no numbers, PAX records that are none, and what follows a lone block of zeros; takes a GNU name over a PAX path, content for a folder's, and the map of a sparse file for its content",
    here: "refuses them",
    why: "readers of tar differ in what they make of them"
  },
  "as POSIX has it": {
    codex:
      "refuses contiguous files and two PAX headers for one entry; makes a file of a name that ends in a slash, and 0644 of a blank mode",
    here: "takes the first two, makes a folder, takes blank for 0",
    why: "that is how POSIX has it, and other tars read it"
  },

  // --- manifests
  "places of manifests": {
    codex: "0.142 knows neither the agent manifest at the root nor `.cursor-plugin`",
    here: "looks where 0.169 does",
    why: "it is the newest release"
  },
  "folder for a manifest": {
    codex: "0.169 refuses a bundle with a folder in the place of a manifest",
    here: "looks in the next place, as 0.142 does",
    why: "a folder is no manifest"
  },
  "links to manifests": {
    codex: "0.142 installs a folder whose manifest is a link, without it",
    here: "refuses it, as 0.169 does",
    why: "nobody could load it"
  },
  "manifests without a name": {
    codex: "takes the name of the folder for that of a plugin of one's own",
    here: "refuses a manifest without a name",
    why: "in the cache that folder is named after the version"
  },
  "manifests as JSON": {
    codex:
      "takes an array of a manifest's values for a manifest; refuses a manifest or a row in which a known key comes twice",
    here: "refuses the first; goes by the last value",
    why: "so does every reader of JSON"
  },
  "root for a file": {
    codex:
      "takes `apps` for `.app.json` where it is `././x` (0.142); refuses the bundle where it is `./.` (0.169)",
    here: "reads `././x` as `x`, as 0.169 does; `./.` means `.app.json`, as in 0.142",
    why: "no bundle should fail for a path that has a plain meaning"
  },

  "skills of commands": {
    codex: "0.142 makes no skills of a plugin's commands",
    here: "makes them in `.codex-plugin/migrated-command-skills`, as 0.169 does",
    why: "0.169 takes a version that stands for one that has them"
  },
  "front matter": {
    codex:
      "reads a command's front matter with all of YAML's tags, reserved characters and fractions; no merges",
    here: "takes tags and reserved characters as text, `1.0` as `1`, and what is merged in",
    why: "a description is plain text, and nobody misses a skill"
  },

  // --- the backend
  "rows that cannot be named": {
    codex:
      "gives the pass up, at worst half way; 0.142 passes over a name that it does not like, and still removes what is stale",
    here: "carries on with all other rows, and removes nothing",
    why: "one odd row should stop nobody, and nobody knows which plugin it stands for"
  },
  "fields that are not used": {
    codex: "gives the pass up where any field of a row is missing or has an unknown value",
    here: "needs only what it uses: id, name, scope, discoverability, release",
    why: "a new policy or status of the backend should stop nobody"
  },
  "dots in names": {
    codex: "0.142 refuses plugin names with dots",
    here: "takes them, as 0.169 does",
    why: "it is the newest release"
  },
  "rows of one plugin": {
    codex: "installs one after the other, or labels the first one's bytes with the last one's id",
    here: "installs the last one, and says that the others failed",
    why: "only one can stand"
  },
  retries: {
    codex: "fails at once",
    here: "tries again what can heal: connections, 408, 429 with `Retry-After`, 5xx; three times",
    why: "a moment's trouble should not cost a session its plugins"
  },
  "downloads at once": {
    codex: "fetches one bundle at a time",
    here: "fetches several at once (as many as the connection is good for, from 4 to 64; `--concurrency`)",
    why: "waiting is what takes the time"
  },
  "plain HTTP": {
    codex: "follows redirects over plain HTTP that end in HTTPS",
    here: "sends nothing over plain HTTP",
    why: "whoever listens could answer instead"
  },
  "credentials in URLs": {
    codex: "sends credentials that a bundle's URL holds",
    here: "refuses such a URL",
    why: "the backend signs its URLs and has no need of them"
  },
  "redirects of calls": {
    codex: "follows redirects of the backend's calls",
    here: "does not",
    why: "the token is meant for the backend alone"
  },
  "pages without an end": {
    codex: "0.142 reads a listing for ever whose pages come again",
    here: "gives the pass up, as 0.169 does",
    why: "nobody waits for ever"
  },
  "no tokens": {
    codex:
      "says nothing where there are no credentials; asks without any, and believes the answer, where `auth.json` names ChatGPT but has no tokens",
    here: "says so with `NotSignedIn`, and does nothing",
    why: "an answer to nobody says nothing of this account"
  },
  "time of renewal": {
    codex: "does not use tokens where `auth.json` does not say when they were renewed",
    here: "uses them",
    why: "the backend says whether they are good"
  }
} as const satisfies Readonly<Record<string, Difference>>

export type Reason = keyof typeof differences

const cell = (text: string): string => text.replaceAll("|", "\\|")

/** The table, as it stands in the README. */
export const markdown: string = [
  "| Codex | here | why |",
  "| --- | --- | --- |",
  ...Object.values(differences).map(
    ({ codex, here, why }) => `| ${cell(codex)} | ${cell(here)} | ${cell(why)} |`
  )
].join("\n")
