/**
 * A case that Codex and ours are put through alike: what the account has, what the cache holds, and in
 * what ours may differ.
 */
import type * as TestPlugin from "../../../src/testing/TestPlugin.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import type * as TestRequest from "../../../src/testing/TestRequest.ts"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as TestBundle from "../../../src/testing/TestBundle.ts"
import * as Archives from "../../support/archives.ts"
import type * as CodexBinary from "../support/CodexBinary.ts"
import type * as Contest from "../support/Contest.ts"
import type { Entry, FolderTree } from "../support/FolderTree.ts"
import type { Reason } from "./differences.ts"

// --- cases

/** The cache before the pass. */
export type Node =
  | string
  | Uint8Array
  | TestBundle.File
  | { readonly link: string }
  | { readonly folder: number }

/** By path below `plugins/cache`, or below a folder of one's own. */
export type Standing = Readonly<Record<string, Node>>

/** How some answers of the backend go otherwise than they should. */
export type Replies = ReadonlyArray<readonly [TestRequest.Match, ...Array<TestReply.Behaviour>]>

export interface Setting {
  /** The account's plugins. The first is named after the case unless the case is alone. */
  readonly plugins?: ReadonlyArray<TestPlugin.Options>
  readonly standing?: Standing
  readonly replies?: Replies | ((served: TestBackend.Served) => Replies)
  /** In the place of the home's `auth.json`; null: none. */
  readonly auth?: object | null
  /** A folder of one's own from which the plugin is installed, instead of a pass. */
  readonly source?: Standing
}

export interface Case {
  /** A description in a few words. */
  readonly title: string
  /** `name` is that of its plugin; nothing else of the case may have a name beginning otherwise. */
  readonly make: (name: string) => Setting
  /** In what ours differs from a release, and why. Where it says nothing, ours is the same. */
  readonly differs?: Differs | undefined
  /** Has a home and a backend of its own: it would spoil other cases, or they would spoil it. */
  readonly alone?: boolean
  /** True if a sidecar must remain the same file. */
  readonly watchesSidecars?: boolean
  /** How long ours keeps what is superseded. */
  readonly retain?: string
  /** The releases from which no report is due. */
  readonly silent?: ReadonlyArray<CodexBinary.Version>
  /** The umask of all contestants. */
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
export interface Outcome extends Contest.Report {
  /** The remote ids whose bundles were asked for. */
  readonly downloaded: ReadonlyArray<string>
  /**
   * The standing files and links that are still the same, by inode and times. Sidecars only where the case
   * watches them: Codex writes them anew at each pass.
   */
  readonly untouched: ReadonlyArray<string>
  /** Below `plugins/cache`; of a case that shares its home, what is its own. */
  readonly tree: FolderTree
}

/** The facts that a stated difference may depend on. */
export interface Context {
  readonly name: string
  readonly ids: ReadonlyArray<string>
  /** The outcome of a pass that does nothing. */
  readonly before: Outcome
}

/** Makes of what a release does what ours does. */
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

/** If the releases differ, ours behaves as the newer one. */
export const asNewer = (reason: Reason): Differs => ({ reason, "0.142.0": "as 0.169.0" })

/** If the releases differ, ours behaves as the older one. */
export const asOlder = (reason: Reason): Differs => ({ reason, "0.169.0": "as 0.142.0" })

/** Ours downloads the bundle, refuses it and leaves everything as it was. */
export const refuses: Change = (codex, { before, ids }) => ({
  ...codex,
  failed: ids,
  tree: before.tree,
  untouched: before.untouched
})

/** Ours downloads the bundle and has this in the end; `untouched`: which standing files are the same still. */
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
export const treeOf = (nodes: Standing): FolderTree => {
  const tree: Record<string, Entry> = {}
  for (const [path, node] of Object.entries(nodes)) {
    Object.assign(tree, foldersOf(path))
    tree[path] = entryOf(node)
  }
  return tree
}

// --- parts of caches

/** The place of plugins that are installed from a folder of one's own. */
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

/** Nodes whose paths go on from this one. */
export const below = (path: string, nodes: Standing): Standing =>
  Object.fromEntries(Object.entries(nodes).map(([rest, node]) => [`${path}/${rest}`, node]))

export const sidecar = (name: string, id = idOf(name)): Standing => ({
  [`${curated}/${name}/${sidecarName}`]: { content: sidecarText(id), mode: 0o600 }
})

/** Files of a cached version. */
export const version = (name: string, version: string, files: TestBundle.Files): Standing =>
  below(`${curated}/${name}/${version}`, files)

/** A version as the bundle of `TestBackend.plugin({ name, version })` makes it. */
export const sound = (name: string, of = "1.0.0"): Standing =>
  version(name, of, TestBundle.plugin({ name, version: of }))

/** The files after such a bundle was installed. */
export const installed = (name: string, of = "1.0.0"): Standing => ({
  ...sound(name, of),
  ...sidecar(name)
})

/** A sound version that can be told from one of a bundle. */
export const soundButOld = (name: string, of = "1.0.0"): Standing => ({
  ...sound(name, of),
  ...version(name, of, { "old.txt": "old\n" })
})

// --- parts of bundles

export const manifestText = (name: string, fields: object = {}): string =>
  `${JSON.stringify({ name, version: "1.0.0", ...fields }, null, 2)}\n`

export const manifestPath = ".codex-plugin/plugin.json"

export const manifest = (name: string): Uint8Array =>
  Archives.file(manifestPath, manifestText(name))

/** The files after a bundle of {@link manifest} and these files was installed. */
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
