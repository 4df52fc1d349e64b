import { NodeServices } from "@effect/platform-node"
import { afterAll, assert, describe, it, layer } from "@effect/vitest"
import { Array as Arr, Context, Effect, Layer } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as Case from "./cases/Case.ts"
import { differences, type Reason } from "./cases/differences.ts"
import { groups } from "./cases/index.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as Program from "./support/Program.ts"
import * as Differential from "./support/Differential.ts"
import * as HttpServer from "./support/HttpServer.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"
import * as OurProgram from "./support/OurProgram.ts"

const cases = Object.values(groups).flat()

/** Has each program do something, all at the same time. */
const inAllPrograms = Effect.fnUntraced(function* <E, R>(
  carryOut: (program: Program.Program) => Effect.Effect<Differential.Results, E, R>
) {
  const [older, newer, ours] = yield* Effect.all(
    [carryOut("0.142.0"), carryOut("0.169.0"), carryOut("ours")],
    { concurrency: "unbounded" }
  )
  return (of: Case.Case): Differential.Sides => ({
    "0.142.0": older.get(of)!,
    "0.169.0": newer.get(of)!,
    ours: ours.get(of)!
  })
})

/** The results of the cases that share their home. */
class Shared extends Context.Service<
  Shared,
  {
    readonly pass: (of: Case.Case) => Differential.Sides
    readonly installs: (of: Case.Case) => Differential.Sides
  }
>()("test/codex/Shared") {}

const isLocal = (of: Case.Case) => groups["locals"]?.includes(of) === true

const shared = Layer.effect(
  Shared,
  Effect.gen(function* () {
    const together = cases.filter((of) => !of.alone && !isLocal(of))
    return {
      pass: yield* inAllPrograms((each) => Differential.carryOut(each, together)),
      installs: yield* inAllPrograms((each) => Differential.installAll(each, cases.filter(isLocal)))
    }
  })
).pipe(Layer.provideMerge(OurProgram.layer), Layer.provideMerge(NodeServices.layer))

const withUmask = <A, E, R>(umask: number, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => process.umask(umask)),
    () => effect,
    (before) => Effect.sync(() => process.umask(before))
  )

const sidesOf = Effect.fnUntraced(function* (of: Case.Case) {
  if (of.alone) {
    const apart = inAllPrograms((each) => Differential.carryOut(each, [of], of))
    return (yield* withUmask(of.umask ?? 0o022, apart))(of)
  }
  const { installs, pass } = yield* Shared
  return isLocal(of) ? installs(of) : pass(of)
})

layer(shared, { excludeTestServices: true, timeout: "8 minutes" })("ours and Codex", (it) => {
  for (const [group, cases] of Object.entries(groups)) {
    describe(group, () => {
      for (const of of cases) {
        it.effect(
          `have the same result, except for a stated difference: ${of.title}`,
          Effect.fnUntraced(function* () {
            Differential.compare(of, yield* sidesOf(of))
          })
        )
      }
    })
  }

  it.effect.each(Program.programs)(
    "download one bundle at a time (Codex) or several (ours): %s",
    Effect.fnUntraced(function* (program) {
      const { backend, environment, makeHome } = yield* LoopbackBackend.make({
        plugins: Arr.makeBy(6, (i) => TestBackend.plugin({ name: `plugin-${i}` }))
      })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("100 millis"))
      yield* Program.run(program, { home: yield* makeHome(), environment })
      const most = yield* backend.mostAtOnce("bundle")
      assert.isTrue(program === "ours" ? most > 1 : most === 1, `${most} at once`)
    })
  )

  it.effect.each(Program.programs)(
    "use HTTP/2 (Codex) or HTTP/1.1 (ours) with a host that offers both: %s",
    Effect.fnUntraced(function* (program) {
      const { backend, certificate, environment, makeHome, served } = yield* LoopbackBackend.make({
        plugins: [TestBackend.plugin({ name: "hello" })]
      })
      const versions: Array<string> = []
      // This host redirects to the bundles' own host, which offers only HTTP/1.1.
      const origin = yield* HttpServer.serveHttp2(certificate, (request, response) => {
        versions.push(request.httpVersion)
        response.writeHead(302, { location: `${served.bundleOrigin}${request.url}` }).end()
      })
      yield* backend.when(
        { kind: "bundle", nth: 1 },
        TestReply.redirect(({ url }) => `${origin}${url.pathname}${url.search}`)
      )
      const report = yield* Program.run(program, { home: yield* makeHome(), environment })
      assert.deepStrictEqual(report, { pass: "completed", failed: [] })
      assert.deepStrictEqual(versions, [program === "ours" ? "1.1" : "2.0"])
    })
  )
})

/** The differences that are shown by other tests than those of the cases. */
const shownByOtherTests: ReadonlyArray<Reason> = ["downloads at once", "HTTP/2"]

describe("the differences from released Codex", () => {
  it("are each shown by a test", () => {
    const shown = new Set(cases.flatMap(({ differs }) => differs?.reason ?? []))
    assert.sameMembers(Object.keys(differences), [...shown, ...shownByOtherTests])
  })

  it("belong to cases with unique names", () => {
    const names = cases.map(Case.nameOf)
    assert.deepStrictEqual(names, Arr.dedupe(names))
  })
})

afterAll(() => {
  const differing: Partial<Record<string, ReadonlyArray<Case.Case>>> = Arr.groupBy(
    cases.filter(({ differs }) => differs !== undefined),
    ({ differs }) => differs!.reason
  )
  const groupsWithSizes = Object.entries(groups).map(([name, { length }]) => `${length} ${name}`)
  console.log(
    [
      `Compared our program with Codex ${CodexBinary.versions.join(" and ")} in ${cases.length} cases (${groupsWithSizes.join(", ")}).`,
      "The deliberate differences of ours:",
      ...Object.entries(differences).map(([reason, { codex, here, why }]) => {
        const count = differing[reason]?.length ?? 1
        return `- ${reason} (${count}): Codex ${codex}; here ${here}; because ${why}.`
      })
    ].join("\n")
  )
})
