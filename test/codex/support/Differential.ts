/**
 * Puts a release of Codex, or ours, through cases, and holds what came of one against the other.
 */
import { assert } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as Case from "../cases/Case.ts"
import * as CodexBinary from "./CodexBinary.ts"
import * as Contest from "./Contest.ts"
import * as FolderTree from "./FolderTree.ts"
import * as LoopbackBackend from "./LoopbackBackend.ts"

/** The result of one case for one contestant. */
export interface Result {
  readonly outcome: Case.Outcome
  readonly context: Case.Context
}

export type Results = ReadonlyMap<Case.Case, Result>

/** Lays out nodes; the folders that they need are 0755. */
const lay = (cache: string, standing: Case.Standing): void => {
  const umask = process.umask(0o022)
  for (const [path, node] of Object.entries(standing)) {
    const target = Path.join(cache, path)
    Fs.mkdirSync(Path.dirname(target), { recursive: true })
    if (typeof node === "object" && "link" in node) {
      Fs.symlinkSync(node.link, target)
    } else if (typeof node === "object" && "folder" in node) {
      Fs.mkdirSync(target, { recursive: true })
      Fs.chmodSync(target, node.folder)
    } else {
      const file = typeof node === "string" || node instanceof Uint8Array ? { content: node } : node
      Fs.writeFileSync(target, file.content)
      Fs.chmodSync(target, file.mode ?? 0o644)
    }
  }
  process.umask(umask)
}

/** A case that shares its home, as it is set up there. */
interface Party {
  readonly case: Case.Case
  readonly name: string
  readonly setting: Case.Setting
  readonly plugins: ReadonlyArray<ReturnType<typeof TestBackend.plugin>>
}

const parties = new WeakMap<Case.Case, Party>()

/** The same for each contestant: its bundles are made once. */
const partyOf = (of: Case.Case): Party => {
  const known = parties.get(of)
  if (known !== undefined) return known
  const name = Case.nameOf(of)
  const setting = of.make(name)
  const plugins = (setting.plugins ?? [{ name }]).map(TestBackend.plugin)
  const party = { case: of, name, setting, plugins }
  parties.set(of, party)
  return party
}

const isWatched =
  ({ case: { watchesSidecars } }: Party) =>
  (path: string): boolean =>
    watchesSidecars === true || Path.basename(path) !== Case.sidecarName

/** True if a path below the cache belongs to the case, in a home that it shares. */
const owns =
  ({ name }: Party) =>
  (path: string): boolean => {
    const entry = path.split("/")[1]
    return entry === name || entry?.startsWith(`${name}--`) === true
  }

/** The part of a tree that belongs to the case, and the marketplaces that it lies in. */
const share = (tree: FolderTree.FolderTree, party: Party): FolderTree.FolderTree => {
  if (party.case.alone) return tree
  const own = Object.entries(tree).filter(([path]) => owns(party)(path))
  const marketplaces = new Set(own.map(([path]) => path.split("/")[0]!))
  return Object.fromEntries([
    ...Object.entries(tree).filter(([path]) => marketplaces.has(path)),
    ...own
  ])
}

const sorted = (values: Iterable<string>): ReadonlyArray<string> =>
  Arr.fromIterable(values).toSorted()

/** Records the caches, to compare each case afterwards. */
const watch = (cache: string, parties: ReadonlyArray<Party>) => {
  const look = () => ({ tree: FolderTree.read(cache), stamps: FolderTree.stamps(cache) })
  const before = look()
  return (report: Contest.Report, asked: ReadonlySet<string>): Results => {
    const after = look()
    const untouched = Object.keys(before.stamps).filter(
      (path) => before.tree[path]?.kind !== "folder" && before.stamps[path] === after.stamps[path]
    )
    return new Map(
      parties.map((party): [Case.Case, Result] => {
        const { alone } = party.case
        const ids = party.plugins.map(({ id }) => id)
        const standing = share(before.tree, party)
        const outcome: Case.Outcome = {
          pass: report.pass,
          failed: alone
            ? report.failed
            : report.failed.filter((failed) => ids.some((id) => id.trim() === failed)),
          downloaded: sorted(ids.filter((id) => asked.has(id))),
          untouched: sorted(
            untouched.filter((path) => (alone || owns(party)(path)) && isWatched(party)(path))
          ),
          tree: share(after.tree, party)
        }
        const nothing: Case.Outcome = {
          pass: report.pass,
          failed: [],
          downloaded: [],
          untouched: sorted(
            Object.entries(standing).flatMap(([path, { kind }]) =>
              kind !== "folder" && isWatched(party)(path) ? [path] : []
            )
          ),
          tree: standing
        }
        return [party.case, { outcome, context: { name: party.name, ids, before: nothing } }]
      })
    )
  }
}

/** Carries out one pass in a home of its own, for cases that do not disturb each other. */
export const carryOut = Effect.fnUntraced(function* (
  contestant: Contest.Contestant,
  cases: ReadonlyArray<Case.Case>,
  { retain, silent }: Pick<Case.Case, "retain" | "silent"> = {}
) {
  const parties = cases.map(partyOf)
  const { backend, environment, makeHome, served } = yield* LoopbackBackend.make()
  const home = yield* makeHome()
  const cache = Path.join(home, "plugins/cache")
  for (const { plugins, setting } of parties) {
    yield* Effect.forEach(plugins, backend.publish)
    const { auth, replies = [] } = setting
    for (const [match, ...behaviours] of typeof replies === "function"
      ? replies(served)
      : replies) {
      yield* backend.when(match, ...behaviours)
    }
    lay(cache, setting.standing ?? {})
    const authFile = Path.join(home, "auth.json")
    if (auth === null) Fs.rmSync(authFile)
    if (auth) Fs.writeFileSync(authFile, JSON.stringify(auth))
  }
  const resultsOf = watch(cache, parties)
  const report = yield* Contest.run(contestant, {
    home,
    environment,
    retain,
    mayBeSilent: silent?.some((version) => version === contestant)
  })
  const requests = yield* backend.requests({ kind: "bundle" })
  return resultsOf(report, new Set(requests.flatMap(({ plugin }) => plugin ?? [])))
}, Effect.scoped)

/** Installs the plugin of each case from its folder, one after the other, in one home. */
export const installAll = Effect.fnUntraced(function* (
  contestant: Contest.Contestant,
  cases: ReadonlyArray<Case.Case>
) {
  const parties = cases.map(partyOf)
  const { environment, makeHome } = yield* LoopbackBackend.make()
  const home = yield* makeHome()
  const cache = Path.join(home, "plugins/cache")
  const marketplace = Path.join(home, "marketplace")
  for (const { name, setting } of parties) {
    lay(cache, setting.standing ?? {})
    lay(Path.join(marketplace, "plugins", name), setting.source ?? {})
  }
  const resultsOf = watch(cache, parties)
  const names = parties.map(({ name }) => name)
  const failed = yield* Contest.install(contestant, { home, environment, marketplace, names })
  return resultsOf({ pass: "completed", failed: failed.map(Case.idOf) }, new Set())
}, Effect.scoped)

/** A case's results, of every contestant. */
export type Sides = Readonly<Record<Contest.Contestant, Result>>

/** Ours is as each release, but for the differences that the case states, and those do occur. */
export const compare = ({ differs }: Case.Case, sides: Sides): void => {
  const { outcome } = sides.ours
  for (const version of CodexBinary.versions) {
    const codex = sides[version]
    const change = differs?.[version]
    if (change === undefined) {
      assert.deepStrictEqual(outcome, codex.outcome, `ours is not as Codex ${version}`)
      continue
    }
    const expected =
      typeof change === "function"
        ? change(codex.outcome, codex.context)
        : sides[change === "as 0.169.0" ? "0.169.0" : "0.142.0"].outcome
    assert.deepStrictEqual(
      outcome,
      expected,
      `ours differs from Codex ${version} otherwise than is stated`
    )
    assert.notDeepEqual(
      outcome,
      codex.outcome,
      `the difference from Codex ${version} that is stated does not occur`
    )
  }
}
