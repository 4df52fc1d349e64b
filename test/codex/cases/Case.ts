/**
 * A case that Codex and our program both run: the account's plugins, the files in the cache, and the
 * allowed differences.
 */
import type * as TestPlugin from "../../../src/testing/TestPlugin.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import type * as TestRequest from "../../../src/testing/TestRequest.ts"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as TestBundle from "../../../src/testing/TestBundle.ts"
import * as Archives from "../../support/archives.ts"
import type * as CodexBinary from "../support/CodexBinary.ts"
import type * as Program from "../support/Program.ts"
import type { Entry, FolderTree } from "../support/FolderTree.ts"
import type { Reason } from "./differences.ts"

// --- cases

/** An entry of the cache before the pass. */
export type Node =
  | string
  | Uint8Array
  | TestBundle.File
  | { readonly link: string }
  | { readonly folder: number }

/** Entries by path below `plugins/cache` or below a local folder. */
export type Files = Readonly<Record<string, Node>>

/** Faulty answers of the backend. */
export type Replies = ReadonlyArray<readonly [TestRequest.Match, ...Array<TestReply.Behaviour>]>

export interface Setting {
  /** The account's plugins. The first is named after the case unless the case is alone. */
  readonly plugins?: ReadonlyArray<TestPlugin.Options>
  readonly cachedFiles?: Files
  readonly replies?: Replies | ((served: TestBackend.Served) => Replies)
  /** The content of the home's `auth.json`; null for no file. Default: valid credentials. */
  readonly auth?: object | null
  /** A local folder from which the plugin is installed. Default: a pass runs instead. */
  readonly source?: Files
}

export interface Case {
  /** A description in a few words. */
  readonly title: string
  /** `name` is the name of the case's plugin. All names of the case must begin with it. */
  readonly make: (name: string) => Setting
  /** The differences from each release, and the reason. Default: none. */
  readonly differs?: Differs | undefined
  /** True if the case needs a home and a backend of its own, because it would disturb other cases. */
  readonly alone?: boolean
  /** True if a sidecar must remain the same file. */
  readonly watchesSidecars?: boolean
  /** The time for which our program keeps superseded versions. */
  readonly retain?: string
  /** The releases that report no pass. */
  readonly silent?: ReadonlyArray<CodexBinary.Version>
  /** The umask of all programs. */
  readonly umask?: number
}

/** The plugin of a case: its title as a name. */
export const nameOf = ({ title }: Case): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")

// --- outcomes

/** The result of a case. */
export interface Outcome extends Program.Report {
  /** The remote ids whose bundles were requested. */
  readonly downloaded: ReadonlyArray<string>
  /**
   * Existing files and links that are unchanged, by inode and times. Sidecars are included only if the
   * case watches them, because Codex rewrites them in each pass.
   */
  readonly untouched: ReadonlyArray<string>
  /** The entries below `plugins/cache`. If cases share a home, only those of this case. */
  readonly tree: FolderTree
}

/** The facts that a stated difference may depend on. */
export interface Context {
  readonly name: string
  readonly ids: ReadonlyArray<string>
  /** The outcome of a pass that does nothing. */
  readonly before: Outcome
}

/** Turns the outcome of a release into the expected outcome of our program. */
export type Change = (codex: Outcome, context: Context) => Outcome

export interface Differs {
  readonly reason: Reason
  readonly "0.142.0"?: Change | "as 0.169.0"
  readonly "0.169.0"?: Change | "as 0.142.0"
}

/** The same difference from both releases. */
export const fromBoth = (reason: Reason, change: Change): Differs => ({
  reason,
  "0.142.0": change,
  "0.169.0": change
})

/** The releases differ, and our program behaves as the newer one. */
export const asNewer = (reason: Reason): Differs => ({ reason, "0.142.0": "as 0.169.0" })

/** The releases differ, and our program behaves as the older one. */
export const asOlder = (reason: Reason): Differs => ({ reason, "0.169.0": "as 0.142.0" })

/** Our program downloads the bundle, rejects it and changes nothing. */
export const rejects: Change = (codex, { before, ids }) => ({
  ...codex,
  failed: ids,
  tree: before.tree,
  untouched: before.untouched
})

/** Our program installs the bundle. `untouched` lists existing files that stay unchanged. */
export const installs =
  (tree: (name: string) => FolderTree, untouched: ReadonlyArray<string> = []): Change =>
  (codex, { ids, name }) => ({
    ...codex,
    failed: [],
    downloaded: ids,
    tree: tree(name),
    untouched
  })

// --- trees

export const folder: Entry = { kind: "folder", mode: "0755" }

/** The entries of a path's folders. */
const foldersOf = (path: string): FolderTree =>
  Object.fromEntries(
    path
      .split("/")
      .slice(0, -1)
      .map((_, depth, parts) => [parts.slice(0, depth + 1).join("/"), folder])
  )

const entryOf = (node: Node): Entry => {
  if (typeof node === "object" && "link" in node) {
    return { kind: "link", mode: "0777", content: node.link }
  }
  if (typeof node === "object" && "folder" in node)
    return { kind: "folder", mode: octal(node.folder) }
  const file = typeof node === "string" || node instanceof Uint8Array ? { content: node } : node
  return {
    kind: "file",
    mode: octal(file.mode ?? 0o644),
    content: typeof file.content === "string" ? file.content : Buffer.from(file.content).toString()
  }
}

const octal = (mode: number) => mode.toString(8).padStart(4, "0")

/** The tree with these nodes, in folders of 0755. */
export const treeOf = (nodes: Files): FolderTree => {
  const tree: Record<string, Entry> = {}
  for (const [path, node] of Object.entries(nodes)) {
    Object.assign(tree, foldersOf(path))
    tree[path] = entryOf(node)
  }
  return tree
}

// --- parts of caches

/** The marketplace of plugins that are installed from a local folder. */
export const mine = "mine"
export const curated = "openai-curated-remote"
export const createdByMe = "created-by-me-remote"
export const workspace = "workspace-directory"
export const sharedWithMe = "workspace-shared-with-me"
export const sidecarName = ".codex-remote-plugin-install.json"

export const idOf = (name: string): string => TestBackend.plugin({ name }).id

/** The sidecar's exact bytes. */
export const sidecarText = (id: string): string =>
  `{\n  "schema_version": 1,\n  "remote_plugin_id": ${JSON.stringify(id)}\n}\n`

/** The nodes below a path. */
export const below = (path: string, nodes: Files): Files =>
  Object.fromEntries(Object.entries(nodes).map(([rest, node]) => [`${path}/${rest}`, node]))

export const sidecar = (name: string, id = idOf(name)): Files => ({
  [`${curated}/${name}/${sidecarName}`]: { content: sidecarText(id), mode: 0o600 }
})

/** Files of a cached version. */
export const version = (name: string, version: string, files: TestBundle.Files): Files =>
  below(`${curated}/${name}/${version}`, files)

/** A version as the bundle of `TestBackend.plugin({ name, version })` makes it. */
export const intact = (name: string, of = "1.0.0"): Files =>
  version(name, of, TestBundle.plugin({ name, version: of }))

/** The files after the installation of that bundle. */
export const installed = (name: string, of = "1.0.0"): Files => ({
  ...intact(name, of),
  ...sidecar(name)
})

/** An intact version with one more file, so that it differs from the version of the bundle. */
export const intactWithOldFile = (name: string, of = "1.0.0"): Files => ({
  ...intact(name, of),
  ...version(name, of, { "old.txt": "old\n" })
})

// --- parts of bundles

export const manifestText = (name: string, fields: object = {}): string =>
  `${JSON.stringify({ name, version: "1.0.0", ...fields }, null, 2)}\n`

export const manifestPath = ".codex-plugin/plugin.json"

export const manifest = (name: string): Uint8Array =>
  Archives.file(manifestPath, manifestText(name))

/** The files after the installation of a bundle of {@link manifest} and these files. */
export const installedWith =
  (files: TestBundle.Files = {}) =>
  (name: string): FolderTree =>
    treeOf({
      ...version(name, "1.0.0", { [manifestPath]: manifestText(name), ...files }),
      ...sidecar(name)
    })

// --- parts of answers

/** Changes the text of an answer. */
export const mapText =
  (change: (text: string) => string): TestReply.Behaviour =>
  (reply, request) =>
    TestReply.body(change(new TextDecoder().decode(reply.body)))(reply, request)
