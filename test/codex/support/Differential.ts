/**
 * Runs cases with each program and compares the outcomes.
 */
import { assert } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as Case from "../cases/Case.ts"
import * as CodexBinary from "./CodexBinary.ts"
import * as Program from "./Program.ts"
import * as FolderTree from "./FolderTree.ts"
import * as LoopbackBackend from "./LoopbackBackend.ts"

/** The result of one case for one program. */
export interface Result {
  readonly outcome: Case.Outcome
  readonly context: Case.Context
}

export type Results = ReadonlyMap<Case.Case, Result>

/** Writes files, links and folders. Parent folders get the mode 0755. */
const lay = (cache: string, files: Case.Files): void => {
  const umask = process.umask(0o022)
  for (const [path, node] of Object.entries(files)) {
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

/** A case with its setting, made once for all programs. */
interface PreparedCase {
  readonly case: Case.Case
  readonly name: string
  readonly setting: Case.Setting
  readonly plugins: ReadonlyArray<ReturnType<typeof TestBackend.plugin>>
}

const prepared = new WeakMap<Case.Case, PreparedCase>()

/** Prepares a case. The bundles of a case are made once. */
const prepare = (of: Case.Case): PreparedCase => {
  const known = prepared.get(of)
  if (known !== undefined) return known
  const name = Case.nameOf(of)
  const setting = of.make(name)
  const plugins = (setting.plugins ?? [{ name }]).map(TestBackend.plugin)
  const one = { case: of, name, setting, plugins }
  prepared.set(of, one)
  return one
}

const isWatched =
  ({ case: { watchesSidecars } }: PreparedCase) =>
  (path: string): boolean =>
    watchesSidecars === true || Path.basename(path) !== Case.sidecarName

/** True if a path below the cache belongs to the case, in a home that it shares. */
const owns =
  ({ name }: PreparedCase) =>
  (path: string): boolean => {
    const entry = path.split("/")[1]
    return entry === name || entry?.startsWith(`${name}--`) === true
  }

/** The part of a tree that belongs to the case, with its marketplaces. */
const share = (tree: FolderTree.FolderTree, one: PreparedCase): FolderTree.FolderTree => {
  if (one.case.alone) return tree
  const own = Object.entries(tree).filter(([path]) => owns(one)(path))
  const marketplaces = new Set(own.map(([path]) => path.split("/")[0]!))
  return Object.fromEntries([
    ...Object.entries(tree).filter(([path]) => marketplaces.has(path)),
    ...own
  ])
}

const sorted = (values: Iterable<string>): ReadonlyArray<string> =>
  Arr.fromIterable(values).toSorted()

/** Records the cache before a pass, and returns a function that makes the results after the pass. */
const watch = (cache: string, prepared: ReadonlyArray<PreparedCase>) => {
  const look = () => ({ tree: FolderTree.read(cache), stamps: FolderTree.stamps(cache) })
  const before = look()
  return (report: Program.Report, asked: ReadonlySet<string>): Results => {
    const after = look()
    const untouched = Object.keys(before.stamps).filter(
      (path) => before.tree[path]?.kind !== "folder" && before.stamps[path] === after.stamps[path]
    )
    return new Map(
      prepared.map((one): [Case.Case, Result] => {
        const { alone } = one.case
        const ids = one.plugins.map(({ id }) => id)
        const treeBefore = share(before.tree, one)
        const outcome: Case.Outcome = {
          pass: report.pass,
          failed: alone
            ? report.failed
            : report.failed.filter((failed) => ids.some((id) => id.trim() === failed)),
          downloaded: sorted(ids.filter((id) => asked.has(id))),
          untouched: sorted(
            untouched.filter((path) => (alone || owns(one)(path)) && isWatched(one)(path))
          ),
          tree: share(after.tree, one)
        }
        const nothing: Case.Outcome = {
          pass: report.pass,
          failed: [],
          downloaded: [],
          untouched: sorted(
            Object.entries(treeBefore).flatMap(([path, { kind }]) =>
              kind !== "folder" && isWatched(one)(path) ? [path] : []
            )
          ),
          tree: treeBefore
        }
        return [one.case, { outcome, context: { name: one.name, ids, before: nothing } }]
      })
    )
  }
}

/** Runs one pass in a new home for cases that do not disturb each other. */
export const carryOut = Effect.fnUntraced(function* (
  program: Program.Program,
  cases: ReadonlyArray<Case.Case>,
  { retain, silent }: Pick<Case.Case, "retain" | "silent"> = {}
) {
  const prepared = cases.map(prepare)
  const { backend, environment, makeHome, served } = yield* LoopbackBackend.make()
  const home = yield* makeHome()
  const cache = Path.join(home, "plugins/cache")
  for (const { plugins, setting } of prepared) {
    yield* Effect.forEach(plugins, backend.publish)
    const { auth, replies = [] } = setting
    for (const [match, ...behaviours] of typeof replies === "function"
      ? replies(served)
      : replies) {
      yield* backend.when(match, ...behaviours)
    }
    lay(cache, setting.cachedFiles ?? {})
    const authFile = Path.join(home, "auth.json")
    if (auth === null) Fs.rmSync(authFile)
    if (auth) Fs.writeFileSync(authFile, JSON.stringify(auth))
  }
  const resultsOf = watch(cache, prepared)
  const report = yield* Program.run(program, {
    home,
    environment,
    retain,
    mayBeSilent: silent?.some((version) => version === program)
  })
  const requests = yield* backend.requests({ kind: "bundle" })
  return resultsOf(report, new Set(requests.flatMap(({ plugin }) => plugin ?? [])))
}, Effect.scoped)

/** Installs the plugin of each case from its folder, in order, in one home. */
export const installAll = Effect.fnUntraced(function* (
  program: Program.Program,
  cases: ReadonlyArray<Case.Case>
) {
  const prepared = cases.map(prepare)
  const { environment, makeHome } = yield* LoopbackBackend.make()
  const home = yield* makeHome()
  const cache = Path.join(home, "plugins/cache")
  const marketplace = Path.join(home, "marketplace")
  for (const { name, setting } of prepared) {
    lay(cache, setting.cachedFiles ?? {})
    lay(Path.join(marketplace, "plugins", name), setting.source ?? {})
  }
  const resultsOf = watch(cache, prepared)
  const names = prepared.map(({ name }) => name)
  const failed = yield* Program.install(program, { home, environment, marketplace, names })
  return resultsOf({ pass: "completed", failed: failed.map(Case.idOf) }, new Set())
}, Effect.scoped)

/** The results of a case for every program. */
export type Sides = Readonly<Record<Program.Program, Result>>

/** Checks that our program equals each release except for the stated differences, and that those occur. */
export const compare = ({ differs }: Case.Case, sides: Sides): void => {
  const { outcome } = sides.ours
  for (const version of CodexBinary.versions) {
    const codex = sides[version]
    const change = differs?.[version]
    if (change === undefined) {
      assert.deepStrictEqual(outcome, codex.outcome, `our program differs from Codex ${version}`)
      continue
    }
    const expected =
      typeof change === "function"
        ? change(codex.outcome, codex.context)
        : sides[change === "as 0.169.0" ? "0.169.0" : "0.142.0"].outcome
    assert.deepStrictEqual(
      outcome,
      expected,
      `our program does not differ from Codex ${version} as stated`
    )
    assert.notDeepEqual(
      outcome,
      codex.outcome,
      `the stated difference from Codex ${version} does not occur`
    )
  }
}
